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

    def keep(self, model: str, data: bytes, output: Path | None) -> Path: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A snapshot that was written: where, how large, and of what."""

    path: Path
    bytes: int
    origin: Origin


def inspect(store: HeaderStore, model: str, types: TensorTypes) -> Architecture:
    """What `model` is, by its header. Raises LauncherError when there is none that can be read."""
    return describe(store.find(model), types)


def snapshot(store: HeaderStore, model: str, output: Path | None) -> Kept:
    """Keep the header of `model` at `output`, or where a profile of that model looks for it."""
    parts, origin = store.read_parts(model)
    data = take_snapshot(parts, origin)
    return Kept(path=store.keep(model, data, output), bytes=len(data), origin=origin)
