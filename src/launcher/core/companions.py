"""What a server loads beside its model: a projector for images and sound, a draft model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher.core.fit import place
from launcher.core.header import Header
from launcher.core.machine import Gpu, Machine
from launcher.core.model import Model
from launcher.core.options import FALSY
from launcher.core.settings import Settings
from launcher.core.units import MIB

PROJECTOR_COMPUTE = 1024 * MIB
"""Assumed for the compute buffers of a projector: no formula is derived for them."""

UNDERIVED = ("draft-eagle3", "draft-mtp", "draft-dflash", "draft-dspark")
"""Values of SPEC_TYPE whose memory no formula here covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """Models beside the profile's own. missing: why one of them is not known."""

    projector: Header | None = None
    draft: Model | None = None
    missing: str | None = None


ALONE = Companions()


def underived(environment: Mapping[str, str]) -> str | None:
    """The kind of speculative decoding that a profile asks for, when its memory isn't derived."""
    kinds = environment.get("LLAMA_ARG_SPEC_TYPE", "none").split(",")
    return next((f"memory of SPEC_TYPE={kind} is not derived" for kind in kinds if kind in UNDERIVED), None)


def claims(
    companions: Companions, settings: Settings, environment: Mapping[str, str], machine: Machine
) -> tuple[int, ...]:
    """Bytes that the companions take on each GPU.

    The engine adds a projector to the target of the first GPU (``server-context.cpp``, build 11160),
    and a draft model, split as the model is, to every measurement of its fit (``common/fit.cpp``).
    """
    taken = [0] * len(machine.gpus)
    on_gpu = environment.get("LLAMA_ARG_MMPROJ_OFFLOAD", "on") not in FALSY
    if companions.projector is not None and taken and on_gpu:
        weights = sum(tensor.nbytes for tensor in companions.projector.tensors)
        taken[0] += weights + PROJECTOR_COMPUTE
    if companions.draft is not None:
        own = Settings(n_ctx=settings.n_ctx, n_parallel=settings.n_parallel, fit=False)
        for index, line in enumerate(place(companions.draft, own, machine).initial.gpus):
            taken[index] += line.usage.total
    return tuple(taken)


def beside(machine: Machine, taken: tuple[int, ...]) -> Machine:
    """`machine` with so many bytes less free on each GPU."""

    def less(gpu: Gpu, amount: int) -> Gpu:
        return replace(gpu, free=max(0, gpu.free - amount))

    return replace(machine, gpus=tuple(map(less, machine.gpus, taken)))
