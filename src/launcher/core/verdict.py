"""The verdict: does a placement hold, and as what?"""

from dataclasses import dataclass
from typing import Literal

from launcher.core.fit import Placement
from launcher.core.host_memory import HostDemand
from launcher.core.ledger import DeviceLine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import mib_up

Verdict = Literal["fits", "fits-with-offload", "fits-with-less-context", "does-not-fit", "unknown"]
HOLDS: frozenset[Verdict] = frozenset({"fits", "fits-with-offload", "fits-with-less-context"})

DOUBT_SHARE = 20
"""A figure that is not derived counts as this fraction (1/20) of a device's context and compute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A device that has less left than its margin.

    margin_missing: bytes missing to the margin; memory_missing: bytes beyond what is free, 0 when
    only the margin is missed.
    """

    device: str
    margin_missing: int
    memory_missing: int

    def __str__(self) -> str:
        if self.memory_missing:
            return (
                f"{self.device} needs {mib_up(self.memory_missing):,} MiB more than is free"
                f" ({mib_up(self.margin_missing):,} MiB with its margin)"
            )
        return f"{self.device} misses its margin by {mib_up(self.margin_missing):,} MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason, and the devices that are short."""

    verdict: Verdict
    reason: str
    shortfalls: tuple[Shortfall, ...] = ()


def shortfalls(placement: Placement, allowance: int = 0) -> tuple[Shortfall, ...]:
    """GPUs in use that miss their margin, were each to need `allowance` 1/20 parts more."""
    found = (_shortfall(line, allowance) for line in placement.fitted.gpus)
    return tuple(short for short in found if short)


def _shortfall(line: DeviceLine, allowance: int) -> Shortfall | None:
    if line.free is None or not line.usage.total:
        return None
    needed = line.usage.total + allowance * (line.usage.context + line.usage.compute) // DOUBT_SHARE
    missing = needed + (line.margin or 0) - line.free
    if missing <= 0:
        return None
    return Shortfall(device=line.name, margin_missing=missing, memory_missing=max(0, needed - line.free))


def judge(placement: Placement, settings: Settings, model: Model, host: HostDemand) -> Judgement:
    """The verdict of a placement whose ledger carries the margins.

    With doubts nothing holds that would not hold with 5 % more context and compute.
    """
    short = shortfalls(placement)
    if short:
        return Judgement(verdict="does-not-fit", reason="; ".join(map(str, short)), shortfalls=short)
    if host.missing:
        has = "its container may use" if host.limited else "it has"
        reason = f"Host needs {mib_up(host.missing):,} MiB more than {has}"
        return Judgement(verdict="does-not-fit", reason=reason)
    if placement.doubts and shortfalls(placement, allowance=1):
        return Judgement(verdict="unknown", reason="within the doubt: " + "; ".join(placement.doubts))
    return _holds(placement, settings, model, host)


def _holds(placement: Placement, settings: Settings, model: Model, host: HostDemand) -> Judgement:
    left = host_share(placement, model)
    lowered = settings.n_ctx == 0 and placement.n_ctx < model.n_ctx_train
    context = f"context lowered from {model.n_ctx_train:,} to {placement.n_ctx:,} tokens"
    if left and host.supply is None:
        return Judgement(verdict="unknown", reason=f"{left}, but the size of host memory is not known")
    if lowered:
        reason = f"{context}, {left}, margins kept" if left else f"{context}, margins kept"
        return Judgement(verdict="fits-with-less-context", reason=reason)
    if left:
        return Judgement(verdict="fits-with-offload", reason=f"{left}, margins kept")
    return Judgement(verdict="fits", reason="all layers on GPU, margins kept")


def host_share(placement: Placement, model: Model) -> str | None:
    """What is left in host memory beyond the token embedding, in words; None when nothing is."""
    gpus, host = placement.fitted.gpus, placement.fitted.host
    if not gpus:
        return "no GPU: all layers in host memory"
    counted = sum(line.layers or 0 for line in gpus)
    whole = model.n_layer_all + 1 - counted if host.layers is None else host.layers
    partial = sum(line.overflow_layers or 0 for line in gpus)
    parts = []
    if whole > 0:
        parts.append(f"{whole} of {model.n_layer_all + 1} layers in host memory")
    if partial > 0:
        parts.append(f"parts of {partial} layer{'s' if partial > 1 else ''} in host memory")
    if not parts and host.usage.context:
        parts.append("the KV cache in host memory")
    return ", ".join(parts) or None
