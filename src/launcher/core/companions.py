"""What a server loads beside its model: a projector for images and sound, a draft model."""

from dataclasses import dataclass, replace

from launcher.core.fit import Placement, place
from launcher.core.header import Header
from launcher.core.ledger import NO_USAGE, Ledger, Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.model import Model
from launcher.core.settings import NO_DRAFTING, Drafting, Settings

UNDERIVED = ("draft-eagle3", "draft-dflash", "draft-dspark")
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


def underived(drafting: Drafting, model: Model | None) -> str | None:
    """What of the drafting has no figures here; None when all has."""
    for kind in drafting.kinds:
        if kind in UNDERIVED:
            return f"memory of SPEC_TYPE={kind} is not derived"
    if drafting.by_hand:
        return "memory of a draft model whose devices are given by hand is not derived"
    if not drafting.mtp:
        return None
    if drafting.model is not None:
        return "memory of SPEC_TYPE=draft-mtp with a draft model is not derived"
    if model is not None and not model.nextn_layers:
        return "the model has no MTP block: with SPEC_TYPE=draft-mtp the server would not start"
    return None


def drafted(model: Model, settings: Settings, machine: Machine) -> tuple[Usage, ...]:
    """What drafting takes more on each GPU, and last on the host, before any fit: a draft model, or
    the MTP block with its context and the states to go back to."""
    return _difference(model, settings, replace(settings, drafting=NO_DRAFTING), machine)


def left_out(model: Model, settings: Settings, machine: Machine) -> tuple[Usage, ...]:
    """What the engine's dry run doesn't count: what drafts, and a projector."""
    alone = replace(settings, drafting=NO_DRAFTING, projector=NO_USAGE)
    return _difference(model, settings, alone, machine)


def _difference(model: Model, settings: Settings, less: Settings, machine: Machine) -> tuple[Usage, ...]:
    ledgers = (place(model, replace(each, fit=False), machine).initial.devices for each in (settings, less))
    usages = tuple(more.usage - alone.usage for more, alone in zip(*ledgers, strict=True))
    return _by_machine(usages, settings, len(machine.gpus))


def _by_machine(usages: tuple[Usage, ...], settings: Settings, gpus: int) -> tuple[Usage, ...]:
    """One for each GPU of the machine: with SPLIT_MODE=none the engine knows one only."""
    if len(usages) == gpus + 1:
        return usages
    placed = [Usage()] * gpus
    placed[settings.main_gpu] = usages[0]
    return (*placed, usages[-1])


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
