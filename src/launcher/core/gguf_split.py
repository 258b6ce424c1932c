"""One header for a model, in one GGUF file or several."""

from collections.abc import Sequence

from launcher.core.gguf_cursor import Source
from launcher.core.gguf_reader import Pair, Part, read_part
from launcher.core.header import Header, HeaderError, HeaderSource, MetadataValue, TensorTypes
from launcher.core.snapshot import Origin, origin_of


def read_header(sources: Sequence[Source], types: TensorTypes, source: HeaderSource) -> Header:
    """One header of all parts, in order. Raises HeaderError as `read_parts` does.

    A snapshot says itself where it comes from, and how large the file was.
    """
    parts = read_parts(sources, types)
    metadata = values(parts[0].pairs)
    origin = origin_of(metadata)
    return Header(
        metadata=metadata,
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        file_bytes=origin.file_bytes if origin else sum(each.size for each in sources),
        source=_source_of(origin) if origin else source,
    )


def read_parts(sources: Sequence[Source], types: TensorTypes) -> tuple[Part, ...]:
    """The parts of one model. The metadata that count are those of the first, as in the engine.

    Raises HeaderError when a part can't be read, is not in its place, or lacks tensor data (a
    snapshot needs none).
    """
    parts = tuple(read_part(each, types) for each in sources)
    metadata = values(parts[0].pairs)
    if not isinstance(metadata.get("general.architecture"), str):
        raise HeaderError(sources[0].name, parts[0].data_start, "the metadata name no general.architecture")
    if origin_of(metadata) is None:
        for each, part in zip(sources, parts, strict=True):
            _check_complete(each, part)
    _check_split(sources, parts)
    return parts


def _source_of(origin: Origin) -> HeaderSource:
    return "reconstructed" if origin.kind == "reconstructed" else "snapshot"


def values(pairs: Sequence[Pair]) -> dict[str, MetadataValue]:
    """Metadata as a mapping."""
    return {pair.key: pair.value for pair in pairs}


def _check_complete(source: Source, part: Part) -> None:
    needed = part.data_start + part.data_bytes
    if part.tensors and source.size < needed:
        what = f"the file ends here, but with its tensors it takes {needed:,} bytes"
        raise HeaderError(source.name, source.size, what)


def _check_split(sources: Sequence[Source], parts: Sequence[Part]) -> None:
    """Ask that every part says it is in its place."""
    seen: set[str] = set()
    metadata = values(parts[0].pairs)
    count = metadata.get("split.count", 1) or 1
    if count != len(parts):
        raise HeaderError(sources[0].name, 0, f"split.count is {count}, but the file name says {len(parts)}")
    for index, (source, part) in enumerate(zip(sources, parts, strict=True)):
        number = values(part.pairs).get("split.no", 0)
        if number != index:
            raise HeaderError(source.name, 0, f"split.no is {number}, expected {index}")
        for tensor in part.tensors:
            if tensor.name in seen:
                raise HeaderError(source.name, 0, f"tensor {tensor.name!r} stands in an earlier part, too")
            seen.add(tensor.name)
    total = metadata.get("split.tensors.count", len(seen))
    if total != len(seen):
        raise HeaderError(sources[0].name, 0, f"{len(seen):,} tensors, but split.tensors.count is {total}")
