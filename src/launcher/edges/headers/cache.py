"""Headers that were read before, outside the repository."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.header import Header
from launcher.core.header_json import dump_header, load_header

FORMAT = "launcher.header/1"

Write = Callable[[Path, bytes], None]
"""Replaces a file whole and makes its folder; raises LauncherError when it can't."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file at a time: where it is, its bytes, and when it was changed."""

    path: str
    size: int
    modified_ns: int


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/launcher/headers``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "launcher" / "headers"


class HeaderCache:
    """One entry per path; it holds for files that have not changed since."""

    def __init__(self, folder: Path, write: Write) -> None:
        self._folder = folder
        self._write = write

    def get(self, stamps: Sequence[Stamp]) -> Header | None:
        """The header of the files with these stamps; None if there is none, or none that can be read."""
        try:
            key, _, text = self._entry(stamps).read_text(encoding="utf-8").partition("\n")
            return load_header(text) if key == _key(stamps) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, stamps: Sequence[Stamp], header: Header) -> None:
        """Keep `header`. A cache that can't be written is no error: the next read is slower."""
        with suppress(LauncherError):
            self._write(self._entry(stamps), f"{_key(stamps)}\n{dump_header(header)}".encode())

    def _entry(self, stamps: Sequence[Stamp]) -> Path:
        return self._folder / f"{hashlib.sha256(stamps[0].path.encode()).hexdigest()[:32]}.json"


def _key(stamps: Sequence[Stamp]) -> str:
    return json.dumps([FORMAT, *([each.path, each.size, each.modified_ns] for each in stamps)])
