"""A model in one GGUF file or several: names of the parts, and one header for all of them."""

import re
from collections.abc import Sequence

from launcher.core.errors import LauncherError, failure
from launcher.core.gguf_reader import Pair, Part, Source, read_part
from launcher.core.header import Header, HeaderError, HeaderSource, MetadataValue, TensorTypes

MAX_PARTS = 1000
_SUFFIX = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)")


def part_names(name: str) -> tuple[str, ...]:
    """Names of all parts of the model whose first file is `name` (a path or URL without query).

    Raises LauncherError when `name` is another part: the engine, too, wants the first.
    """
    match = _SUFFIX.search(name)
    if match is None:
        return (name,)
    number, count = int(match[1]), int(match[2])
    if not 1 <= count <= MAX_PARTS:
        raise failure(f"expected 1 to {MAX_PARTS} parts, got {count}", where=name)
    parts = tuple(_SUFFIX.sub(f"-{index:05}-of-{count:05}", name) for index in range(1, count + 1))
    if number != 1:
        raise failure(f"this is part {number} of {count}", where=name, hint=f"name the first: {parts[0]}")
    return parts


def whole_name(name: str) -> str:
    """`name` without the suffix of a part: ``m-00001-of-00003.gguf`` is ``m.gguf``."""
    return _SUFFIX.sub("", name)


def missing_part(name: str, parts: Sequence[str]) -> LauncherError:
    """The error for a split model of which the file `name` is not there."""
    number = parts.index(name) + 1
    return failure(
        f"part {number} of {len(parts)} is missing", where=name, hint="download all parts into one folder"
    )


def read_header(sources: Sequence[Source], types: TensorTypes, source: HeaderSource) -> Header:
    """One header of all parts, in order; metadata are those of the first part, as in the engine.

    Raises HeaderError when a part can't be read, is not in its place, or lacks tensor data.
    """
    parts = [read_part(each, types) for each in sources]
    for each, part in zip(sources, parts, strict=True):
        _check_complete(each, part)
    metadata = _check_split(sources, parts)
    if not isinstance(metadata.get("general.architecture"), str):
        raise HeaderError(sources[0].name, parts[0].data_start, "the metadata name no general.architecture")
    return Header(
        metadata=metadata,
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        file_bytes=sum(each.size for each in sources),
        source=source,
    )


def values(pairs: Sequence[Pair]) -> dict[str, MetadataValue]:
    """Metadata as a mapping."""
    return {pair.key: pair.value for pair in pairs}


def _check_complete(source: Source, part: Part) -> None:
    needed = part.data_start + part.data_bytes
    if part.tensors and source.size < needed:
        raise HeaderError(
            source.name,
            source.size,
            f"the file ends here, but its tensors take {needed:,} bytes",
            hint="the download was cut short: fetch the file again",
        )


def _check_split(sources: Sequence[Source], parts: Sequence[Part]) -> dict[str, MetadataValue]:
    """Metadata of the first part, after asking that every part says it is in its place."""
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
    return metadata
