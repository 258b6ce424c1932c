"""Strategy, host memory and verdict of one set of settings: what plans, rules and advice compare."""

from dataclasses import dataclass

from launcher.core.fit import Placement
from launcher.core.host_memory import HostDemand, host_demand
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.strategy import Choice, choose
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
    choice = choose(settings, model, machine)
    usage = choice.placement.fitted.host.usage
    host = host_demand(usage, settings, machine, model.header.file_bytes)
    return Assessment(
        settings=settings,
        choice=choice,
        host=host,
        judgement=judge(choice.placement, settings, model, host),
    )
