"""The cases of ../shared/oracle: what the engine said about 46 models on 11 machines."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from launcher.core.gguf_split import read_header
from launcher.core.header import Header
from launcher.core.ledger import Ledger
from launcher.core.machine import Gpu, Machine
from launcher.core.units import MIB
from launcher.edges.headers.types import tensor_types

FOLDER = Path(__file__).parents[2] / "shared" / "oracle"

Figures = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A header in memory, of a file that is longer."""

    name: str
    data: bytes
    size: int

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + max(length, 1 << 16)]


@dataclass(frozen=True, slots=True)
class Case:
    """One case as the oracle has it; see its README."""

    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def gguf(self) -> str:
        return str(self.raw["gguf"])

    @property
    def command(self) -> tuple[str, ...]:
        """llama-server's words for the settings of the case."""
        arguments = self.raw["args"]
        return (*arguments["argv"], "--fit", "on" if arguments["fit"] else "off")

    @property
    def machine(self) -> Machine:
        gpus = tuple(
            Gpu(
                name=gpu["name"],
                total=gpu["total_mib"] * MIB,
                free=gpu["free_mib"] * MIB,
                compute_capability=f"{gpu['cc'] // 10}.{gpu['cc'] % 10}",
                multiprocessors=gpu["sms"],
            )
            for gpu in self.raw["gpus"]
        )
        return Machine(name=self.raw["machine"], gpus=gpus)

    def figures(self, stage: str) -> Figures:
        """MiB of model, context and compute per device, ``initial`` or ``fitted``."""
        devices = self.raw["engine"][stage]["devices"]
        parts = ("model", "context", "compute")
        return tuple((d["name"], *(d[part] // MIB for part in parts)) for d in devices)

    @property
    def last_stage(self) -> str:
        return "fitted" if "fitted" in self.raw["engine"] else "initial"

    @property
    def splits(self) -> tuple[int, int]:
        """Of the prompt graph and of the generation graph."""
        stage = self.raw["engine"][self.last_stage]
        return stage["splits"][-1], stage["splits_bs1"][-1]


def load_cases() -> list[Case]:
    """All cases, in the oracle's order."""
    with gzip.open(FOLDER / "cases.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [Case(json.loads(line)) for line in lines]


@cache
def load_header(gguf: str) -> Header:
    """The header of a file of the oracle."""
    sizes = json.loads((FOLDER / "headers" / "sizes.json").read_bytes())
    data = gzip.decompress((FOLDER / "headers" / f"{gguf}.gz").read_bytes())
    return read_header([MemorySource(gguf, data, sizes[gguf])], tensor_types(), "reconstructed")


def figures_of(ledger: Ledger) -> Figures:
    """The same figures of a ledger."""
    return tuple(
        (line.name, line.usage.model // MIB, line.usage.context // MIB, line.usage.compute // MIB)
        for line in ledger.devices
    )
