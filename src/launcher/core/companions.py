"""What a server loads beside its model: a projector for images and sound, a draft model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher.core.fit import Placement, place
from launcher.core.header import Header
from launcher.core.ledger import Ledger, Usage
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

    @property
    def known(self) -> frozenset[str]:
        """Which of them are counted: ``projector``, ``draft model``."""
        there = {"projector": self.projector, "draft model": self.draft}
        return frozenset(name for name, model in there.items() if model is not None)


ALONE = Companions()


def underived(environment: Mapping[str, str]) -> str | None:
    """The kind of speculative decoding that a profile asks for, when its memory isn't derived."""
    kinds = environment.get("LLAMA_ARG_SPEC_TYPE", "none").split(",")
    return next((f"memory of SPEC_TYPE={kind} is not derived" for kind in kinds if kind in UNDERIVED), None)


def burdens(
    companions: Companions, settings: Settings, environment: Mapping[str, str], machine: Machine
) -> tuple[Usage, ...]:
    """What the companions take on each GPU, and last on the host.

    The engine adds a projector to the target of the first GPU (``server-context.cpp``, build 11160),
    and a draft model, split as the model is, to every measurement of its fit (``common/fit.cpp``).
    """
    taken = [Usage()] * (len(machine.gpus) + 1)
    if companions.projector is not None:
        weights = sum(tensor.nbytes for tensor in companions.projector.tensors)
        on_gpu = machine.gpus and environment.get("LLAMA_ARG_MMPROJ_OFFLOAD", "on") not in FALSY
        taken[0 if on_gpu else -1] += Usage(model=weights, compute=PROJECTOR_COMPUTE)
    if companions.draft is not None:
        own = Settings(n_ctx=settings.n_ctx, n_parallel=settings.n_parallel, fit=False)
        lines = place(companions.draft, own, machine).initial.devices
        taken = [each + line.usage for each, line in zip(taken, lines, strict=True)]
    return tuple(taken)


def with_burdens(placement: Placement, taken: tuple[Usage, ...]) -> Placement:
    """`placement`, with a line for each GPU, and what the companions take added to its devices."""

    def loaded(ledger: Ledger) -> Ledger:
        lines = zip(ledger.devices, taken, strict=True)
        return replace(ledger, devices=tuple(replace(line, usage=line.usage + more) for line, more in lines))

    return replace(placement, initial=loaded(placement.initial), fitted=loaded(placement.fitted))


def beside(machine: Machine, taken: tuple[int, ...]) -> Machine:
    """`machine` with so many bytes less free on each GPU."""

    def less(gpu: Gpu, amount: int) -> Gpu:
        return replace(gpu, free=max(0, gpu.free - amount))

    return replace(machine, gpus=tuple(map(less, machine.gpus, taken)))
