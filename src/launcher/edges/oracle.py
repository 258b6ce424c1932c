"""The recorded dry runs of the engine: a folder with cases.jsonl.gz and headers/."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.accuracy import OracleCase, Truth
from launcher.core.errors import failure
from launcher.core.gguf_split import read_header
from launcher.core.header import Header, TensorTypes
from launcher.core.ledger import Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.settings_reader import read_settings
from launcher.core.units import MIB

READ_AHEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class _Bytes:
    """The first bytes of a file of `size` bytes."""

    name: str
    data: bytes
    size: int

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + max(length, READ_AHEAD)]


class OracleFolder:
    """Reads cases and headers. Raises LauncherError when the folder isn't one, or is damaged."""

    def __init__(self, folder: Path, types: TensorTypes) -> None:
        self._folder = folder
        self._types = types
        self._headers: dict[str, Header] = {}

    def cases(self) -> Iterator[OracleCase]:
        """All cases, in their order."""
        path = self._folder / "cases.jsonl.gz"
        try:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    yield _case(json.loads(line))
        except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
            raise failure(f"can't read the recorded cases: {error}", where=str(path)) from error

    def header(self, gguf: str) -> Header:
        """The header of that file name."""
        if gguf not in self._headers:
            folder = self._folder / "headers"
            try:
                sizes = json.loads((folder / "sizes.json").read_bytes())
                data = gzip.decompress((folder / f"{gguf}.gz").read_bytes())
                source = _Bytes(gguf, data, sizes[gguf])
            except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
                raise failure(f"can't read the recorded header: {error}", where=gguf) from error
            self._headers[gguf] = read_header([source], self._types, "reconstructed")
        return self._headers[gguf]


def _case(raw: dict[str, Any]) -> OracleCase:
    arguments = raw["args"]
    command = [*arguments["argv"], "--fit", "on" if arguments["fit"] else "off"]
    host = raw["engine"]["initial"]["devices"][-1]
    return OracleCase(
        name=raw["id"],
        model=raw["model"],
        architecture=raw["arch"],
        gguf=raw["gguf"],
        machine=Machine(
            name=raw["machine"],
            gpus=tuple(map(_gpu, raw["gpus"])),
            host_memory=host["total"],
            host_free=host["free"],
        ),
        command=tuple(command),
        settings=read_settings({}, command),
        truth=_truth(raw["engine"]),
    )


def _gpu(raw: dict[str, Any]) -> Gpu:
    return Gpu(
        name=raw["name"],
        total=raw["total_mib"] * MIB,
        free=raw["free_mib"] * MIB,
        compute_capability=f"{raw['cc'] // 10}.{raw['cc'] % 10}",
        multiprocessors=raw["sms"],
    )


def _truth(raw: dict[str, Any]) -> Truth:
    fitted = raw.get("fitted", raw["initial"])
    n_gpu_layers = raw.get("n_gpu_layers", -1)
    split = raw.get("tensor_split") or (0,)
    return Truth(
        initial=_usages(raw["initial"]),
        fitted=_usages(fitted),
        n_ctx=fitted["n_ctx_eff"],
        n_gpu_layers=None if n_gpu_layers < 0 else n_gpu_layers,
        tensor_split=tuple(split) if len(split) > 1 else None,
        overrides=tuple(str(override) for override in raw.get("overrides", ())),
        splits=(fitted["splits"][-1], fitted["splits_bs1"][-1]),
    )


def _usages(stage: dict[str, Any]) -> tuple[Usage, ...]:
    parts = ("model", "context", "compute")
    return tuple(Usage(**{part: device[part] for part in parts}) for device in stage["devices"])
