"""FIT_TARGET: the memory to leave free on each GPU, with the reason."""

from dataclasses import dataclass

from launcher.core.machine import Gpu, Machine, Role
from launcher.core.units import mib_up

_REASONS: dict[Role, str] = {
    "compute": "only computes",
    "display": "drives a display",
    "unknown": "can't tell whether it drives a display, so it is treated as if it did",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One number of FIT_TARGET, in MiB, and why it is that."""

    gpu: Gpu
    mib: int
    reason: str


def fit_target(machine: Machine) -> tuple[Target, ...]:
    """The margins of a machine's GPUs, in the order that the container sees.

    A profile that sets FIT_TARGET itself overrides them (core/strategy).
    """
    return tuple(
        Target(gpu=gpu, mib=mib_up(machine.margin(gpu)), reason=_reason(gpu)) for gpu in machine.gpus
    )


def fit_target_value(machine: Machine) -> str:
    """The value of FIT_TARGET, such as ``128,1024``; empty without GPUs."""
    return ",".join(str(target.mib) for target in fit_target(machine))


def _reason(gpu: Gpu) -> str:
    return _REASONS[gpu.role] if gpu.margin is None else "set for this GPU in the machine file"
