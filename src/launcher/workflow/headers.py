"""Looking at a model's header, and keeping it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from launcher.core.architecture import Architecture, describe
from launcher.core.gguf_reader import Part
from launcher.core.header import Header, TensorTypes
from launcher.core.snapshot import Origin, take_snapshot


class HeaderStore(Protocol):
    """Where headers are found and kept; a model is a path below the models folder, or a URL."""

    def find(self, model: str) -> Header: ...

    def read_parts(self, model: str) -> tuple[tuple[Part, ...], Origin]: ...

    def keep(self, path: Path, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A snapshot that was written: where, how large, and of what."""

    path: Path
    bytes: int
    origin: Origin


def inspect(store: HeaderStore, model: str, types: TensorTypes) -> Architecture:
    """What `model` is, by its header. Raises LauncherError when there is none that can be read."""
    return describe(store.find(model), types)


def snapshot(store: HeaderStore, model: str, path: Path) -> Kept:
    """Keep the header of `model`, read from its file or URL, as a small GGUF file at `path`."""
    parts, origin = store.read_parts(model)
    data = take_snapshot(parts, origin)
    store.keep(path, data)
    return Kept(path=path, bytes=len(data), origin=origin)
