"""Strategy, host memory and verdict of one set of settings: what plans, rules and advice compare."""

from dataclasses import dataclass, replace

from launcher.core.companions import with_burdens
from launcher.core.fit import Placement
from launcher.core.host_memory import HostDemand, host_demand
from launcher.core.ledger import Ledger, Usage
from launcher.core.machine import Machine
from launcher.core.memory.checkpoint import checkpoint_bytes
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.strategy import Choice, choose, with_margins
from launcher.core.verdict import HOLDS, Judgement, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What comes of `settings`, as the profile gives them."""

    settings: Settings
    choice: Choice
    host: HostDemand
    judgement: Judgement

    @property
    def placement(self) -> Placement:
        return self.choice.placement

    @property
    def holds(self) -> bool:
        return self.judgement.verdict in HOLDS


def assess(settings: Settings, model: Model, machine: Machine) -> Assessment:
    """Place `model` under `settings` and judge the result."""
    return _judged(choose(settings, model, machine), settings, model, machine)


def reassess(
    found: Assessment, placement: Placement, model: Model, machine: Machine, taken: tuple[Usage, ...]
) -> Assessment:
    """`found` with another account of the same strategy: the engine's own.

    taken: by models that this account leaves out, on each GPU of `machine`, and last on the host.
    """
    kept = found.choice.margins
    placed = with_burdens(with_margins(placement, kept, found.choice.settings, machine), taken)
    return _judged(replace(found.choice, placement=placed), found.settings, model, machine)


def _judged(choice: Choice, settings: Settings, model: Model, machine: Machine) -> Assessment:
    host = _host(choice.placement, settings, model, machine)
    return Assessment(
        settings=settings,
        choice=choice,
        host=host,
        judgement=judge(choice.placement, settings, model, host),
    )


def _host(placement: Placement, settings: Settings, model: Model, machine: Machine) -> HostDemand:
    checkpoint = checkpoint_bytes(model, settings, placement.n_ctx)
    return host_demand(placement.fitted.host.usage, settings, machine, model.header.file_bytes, checkpoint)


def with_measured(found: Assessment, measured: Ledger, model: Model, machine: Machine) -> Assessment:
    """`found` judged by what a server of the same settings allocated, in place of the estimate.

    Only where its layers lay on the same GPUs: another fit says nothing of this one.
    """
    placement = found.placement
    if not _lies_alike(placement.fitted, measured):
        return found
    usages = {line.name: line.usage for line in measured.devices}
    lines = tuple(replace(line, usage=usages.get(line.name, Usage())) for line in placement.fitted.devices)
    ledger = replace(measured, devices=lines, n_ctx=placement.fitted.n_ctx)
    placement = replace(placement, fitted=ledger, doubts=())
    host = _host(placement, found.settings, model, machine)
    return replace(
        found,
        choice=replace(found.choice, placement=placement),
        host=host,
        judgement=judge(placement, found.settings, model, host),
    )


def _lies_alike(planned: Ledger, measured: Ledger) -> bool:
    """The same layers on the same GPUs, with the same number of them partly on the host."""
    return _homes(planned) == _homes(measured)


def _homes(ledger: Ledger) -> dict[str, tuple[int | None, int | None]]:
    """Of the GPUs that hold layers; None is unknown, and equals nothing that is known."""
    return {line.name: (line.layers, line.overflow_layers) for line in ledger.gpus if line.layers != 0}
