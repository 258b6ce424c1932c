"""File names of models: in one GGUF file, or split into parts."""

import re
from collections.abc import Sequence

from launcher.core.errors import LauncherError, failure

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
