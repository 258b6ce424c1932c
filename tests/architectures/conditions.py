"""Conditions under which the made-up models are measured, and what was measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.settings import FlashAttention


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Settings and a machine. host: pattern of the tensors that lie there; layers: how many on GPUs."""

    gpus: int = 1
    n_ctx: int = 16384
    n_ubatch: int = 512
    flash: FlashAttention = "on"
    cache: str = "f16"
    n_parallel: int = 1
    layers: int = 99
    host: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """For llama.cpp's command line."""
        words = ["-c", self.n_ctx, "-ub", self.n_ubatch, "-fa", self.flash, "-np", self.n_parallel]
        words += ["-ctk", self.cache, "-ctv", self.cache, "-ngl", self.layers, "--fit", "off"]
        words += ["-ts", ",".join(["1"] * self.gpus)]
        words += ["-ot", f"{self.host}=CPU"] if self.host else []
        return tuple(map(str, words))


CONDITIONS = (
    Condition(),
    Condition(gpus=2, n_ctx=32768, n_ubatch=2048, cache="q8_0"),
    Condition(n_ctx=8192, flash="off", n_parallel=4),
    Condition(n_ctx=32768, n_parallel=2, layers=5),
    Condition(flash="off", layers=0),
    Condition(gpus=3, n_ctx=8192, n_ubatch=256, host="exps|ffn_down"),
)

Recorded = tuple[tuple[tuple[int, int, int], ...], int]
"""(model, context, compute) bytes per device, the host last; splits of the prompt graph."""


def recorded() -> Mapping[str, tuple[Recorded, ...]]:
    """What build 11160 says of each recipe under each condition (``llama_get_memory_breakdown``)."""
    path = Path(__file__).parents[1] / "data" / "architectures.json"
    found = json.loads(path.read_bytes())
    return {
        name: tuple((tuple((m, c, k) for m, c, k in devices), splits) for devices, splits in cases)
        for name, cases in found.items()
    }
