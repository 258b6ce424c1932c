"""Speeds that were measured on the reference machine, against the estimate: a page for docs/accuracy.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.core.assessment import assess
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.speed import estimate_speed, gpu_seconds, host_seconds

LONG = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Tokens per second (from, to) that a model generated; `header` names the file of its header.

    cache: type of the KV cache, which was not recorded.
    """

    header: str
    n_ctx: int
    measured: tuple[float, float]
    cache: str = "q8_0"

    @property
    def what(self) -> str:
        name = self.header.removesuffix(".gguf")
        return name if self.cache == "q8_0" else f"{name}, {self.cache} cache"


SEEDS = (
    Seed(header="GLM-4.7-Flash-Q8_0.gguf", n_ctx=131_072, measured=(112, 112)),
    Seed(header="Qwen3-Next-80B-A3B-Instruct-Q5_K_M.gguf", n_ctx=LONG, measured=(33, 33)),
    Seed(header="Qwen3.5-122B-A10B-Q4_K_M.gguf", n_ctx=LONG, measured=(18, 18)),
    Seed(header="Qwen3.5-27B-Q6_K.gguf", n_ctx=LONG, measured=(31, 31)),
    Seed(header="Qwen3.5-27B-Q8_0.gguf", n_ctx=LONG, measured=(6, 6)),
    Seed(header="Qwen3.5-27B-Q8_0.gguf", n_ctx=LONG, measured=(6, 6), cache="f16"),
)

SEVENTY_B_BYTES, SEVENTY_B_LAYERS = 42.0e9, 80
"""A 70B model in Q4_K_M without its token embedding: no header of one is at hand."""
CARD_BYTES, CARD_BANDWIDTH = 22.0e9, 1008e9
"""What fits on a 24 GB card beside a short context, and how fast the card is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison, tokens per second."""

    what: str
    measured: tuple[float, float]
    estimated: float

    @property
    def error(self) -> float:
        """Relative to the nearest end of what was measured; 0 within."""
        low, high = self.measured
        nearest = min(max(self.estimated, low), high)
        return self.estimated / nearest - 1


def rows(models: Mapping[str, Model], machine: Machine) -> Iterator[Row]:
    """Every seed whose model is given (by the file name of its header), on the reference machine."""
    for seed in SEEDS:
        model = models.get(seed.header)
        rate = None if model is None else _estimate(model, seed, machine)
        if rate is not None:
            yield Row(what=seed.what, measured=seed.measured, estimated=rate)
    whole = gpu_seconds(SEVENTY_B_BYTES, SEVENTY_B_LAYERS, CARD_BANDWIDTH)
    yield Row(what="70B Q4, all on GPUs", measured=(20, 20), estimated=1 / whole)
    layers = round(SEVENTY_B_LAYERS * CARD_BYTES / SEVENTY_B_BYTES)
    part = gpu_seconds(CARD_BYTES, layers, CARD_BANDWIDTH) + host_seconds(SEVENTY_B_BYTES - CARD_BYTES, 0)
    yield Row(what="70B Q4 on one 24 GB card", measured=(2, 5), estimated=1 / part)


def _estimate(model: Model, seed: Seed, machine: Machine) -> float | None:
    settings = Settings(
        n_ctx=seed.n_ctx,
        n_parallel=1,
        flash_attention="on",
        cache_type_k=seed.cache,
        cache_type_v=seed.cache,
    )
    found = assess(settings, model, machine)
    return estimate_speed(model, found.choice.settings, found.placement, machine).generation


def section(models: Mapping[str, Model], machine: Machine) -> str:
    """The comparison as a Markdown section."""
    return "\n".join(
        [
            "## Speed",
            "",
            "Generation, one sequence, empty context: the time to read the weights that one token needs.",
            "On a GPU their bytes over 0.9 of its bandwidth and 100 µs for each layer; in host memory",
            "their bytes over 45 GB/s, scattered experts over 0.65 of that; 100 µs for each change of",
            "device. Prompt processing: each micro-batch reads all weights once, those in host memory over",
            "a bus of 20 GB/s, or computes two operations per active parameter and token, whichever takes",
            "longer; there is no measured speed to check it against. A GPU without `bandwidth` in the",
            "machine file has no estimate.",
            "",
            "| what | measured, tokens/s | estimated | error |",
            "|---|---:|---:|---:|",
            *map(_line, rows(models, machine)),
            "",
            "What lies on the host decides: with a q8_0 cache 8 layers of Qwen3.5-27B-Q8_0 do, with",
            "llama-server's default, f16, 16 of them. Which cache was in use when it was measured is not",
            "recorded, so that both are shown and nothing is fitted to it.",
            "",
        ]
    )


def _line(row: Row) -> str:
    low, high = row.measured
    measured = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"| {row.what} | {measured} | {row.estimated:.1f} | {100 * row.error:+.0f} % |"
