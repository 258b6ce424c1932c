"""Snapshots: a model's header kept as a small GGUF file, so that it can be planned without its weights.

A snapshot has the metadata and the tensor list of all parts; texts and arrays of the tokenizer are
left out, as are the tensor data. ``tokenizer.ggml.model`` is ``none``, for which the engine takes
the size of the vocabulary from ``<architecture>.vocab_size`` (src/llama-vocab.cpp, build 11160).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from launcher.core.gguf_names import whole_name
from launcher.core.gguf_reader import STRING, UINT32, UINT64, Pair, Part
from launcher.core.gguf_writer import write_header
from launcher.core.header import Header, MetadataValue, SkippedArray, vocabulary_size

OriginKind = Literal["file", "url", "reconstructed"]
_KINDS: Mapping[object, OriginKind] = {kind: kind for kind in get_args(OriginKind)}
_OWN = "launcher.snapshot."
_LEFT_OUT = ("general.alignment", "launcher.", "split.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a snapshot was taken from. `name` of the first part, `file_bytes` of all parts together,
    `modified` in seconds since 1970, None where there is no file; ``reconstructed`` is a header
    made from a published configuration, not read from a published file."""

    kind: OriginKind
    name: str
    file_bytes: int
    modified: int | None = None


def take_snapshot(parts: Sequence[Part], origin: Origin) -> bytes:
    """The snapshot of a model's parts, as the bytes of a GGUF file."""
    tensors = [tensor for part in parts for tensor in part.tensors]
    return write_header([*_metadata(parts[0].pairs), *_origin_pairs(origin)], tensors)


def origin_of_parts(parts: Sequence[Part]) -> Origin | None:
    """What the parts were taken from, if they are a snapshot: a snapshot of it says the same."""
    return origin_of({pair.key: pair.value for pair in parts[0].pairs})


def origin_of(metadata: Mapping[str, MetadataValue]) -> Origin | None:
    """What the snapshot with this metadata was taken from; None if it is no snapshot."""
    kind = _KINDS.get(metadata.get(_OWN + "kind"))
    name, file_bytes, modified = (metadata.get(_OWN + key) for key in ("name", "file_bytes", "modified"))
    if kind is None or not isinstance(name, str) or not isinstance(file_bytes, int):
        return None
    return Origin(
        kind=kind,
        name=name,
        file_bytes=file_bytes,
        modified=modified if isinstance(modified, int) else None,
    )


def snapshot_name(model: str) -> str:
    """File name of the snapshot of the model with this path or URL: its base name, without the
    suffix of a part. This is the rule by which a profile without its model file finds a header."""
    path = model.partition("?")[0] if "://" in model else model
    return whole_name(path.rpartition("/")[2])


def is_kept(key: str, value: MetadataValue) -> bool:
    """Whether a header without vocabulary has this entry: of the tokenizer only numbers stay."""
    if key.startswith("tokenizer."):
        return isinstance(value, int | float)
    return not key.startswith(_LEFT_OUT) and not isinstance(value, SkippedArray)


def matches(snapshot: Header, file: Header) -> bool:
    """Whether `snapshot` still says of the model what its `file` says.

    Compared are the tensors and what the architecture's keys say, and the size, unless the
    snapshot is reconstructed: its size leaves the vocabulary out.
    """
    same_size = snapshot.source == "reconstructed" or snapshot.file_bytes == file.file_bytes
    return same_size and snapshot.tensors == file.tensors and _shape_keys(snapshot) == _shape_keys(file)


def _shape_keys(header: Header) -> dict[str, MetadataValue]:
    prefix = f"{header.architecture}."
    keys = {key: value for key, value in header.metadata.items() if key.startswith(prefix)}
    return keys | {f"{prefix}vocab_size": vocabulary_size(header.metadata) or 0}


def _metadata(pairs: Sequence[Pair]) -> Iterator[Pair]:
    metadata = {pair.key: pair.value for pair in pairs}
    size_key = f"{metadata.get('general.architecture')}.vocab_size"
    for pair in pairs:
        if pair.key != size_key and is_kept(pair.key, pair.value):
            yield pair
    size = vocabulary_size(metadata)
    if size is not None:
        yield Pair(size_key, UINT32, size)
    yield Pair("tokenizer.ggml.model", STRING, "none")


def _origin_pairs(origin: Origin) -> Iterator[Pair]:
    yield Pair(_OWN + "kind", STRING, origin.kind)
    yield Pair(_OWN + "name", STRING, origin.name)
    yield Pair(_OWN + "file_bytes", UINT64, origin.file_bytes)
    if origin.modified is not None:
        yield Pair(_OWN + "modified", UINT64, origin.modified)
