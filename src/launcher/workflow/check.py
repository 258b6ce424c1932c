"""check: every profile on every machine that it is meant for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import Problem, UsageError
from launcher.core.ledger import Ledger
from launcher.core.machine import Machine
from launcher.core.plan import Plan, plan
from launcher.core.profiles import Profile
from launcher.core.subject import Subject
from launcher.workflow.planning import Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What to check. conf: models.conf as reports name it. machines: those to plan for; a profile is
    checked on those of them that it is meant for."""

    conf: str
    profiles: tuple[str, ...]
    machines: tuple[Machine, ...]
    allow_unknown: bool


Measured = Callable[[Plan, Profile, Machine], Ledger | None]
"""What a server allocated that was started with this plan on this machine; None when nobody looked."""


def nothing_measured(plan: Plan, profile: Profile, machine: Machine) -> Ledger | None:
    return None


def check(request: CheckRequest, planner: Planner, measured: Measured = nothing_measured) -> CheckResult:
    """Plan each profile on each of its machines; what was measured goes before the estimate.

    What is wrong with one profile is reported with the rest, and does not end the check.
    """
    errors: list[Problem] = []
    checked: list[Checked] = []
    for name in request.profiles:
        try:
            checked.extend(_profile(name, request.machines, planner, measured))
        except UsageError as error:
            errors.extend(each for each in error.problems if each not in errors)
    return CheckResult(
        conf=request.conf,
        checked=tuple(checked),
        errors=tuple(errors),
        allow_unknown=request.allow_unknown,
    )


def _profile(
    name: str, machines: tuple[Machine, ...], planner: Planner, measured: Measured
) -> Iterator[Checked]:
    for machine in machines:
        subject = planner.subject(name, machine)
        meant = subject.profile.machines
        if meant is None or machine.name in meant:
            yield Checked.of(_plan(subject, machine, measured), subject.profile)


def _plan(subject: Subject, machine: Machine, measured: Measured) -> Plan:
    estimated = plan(subject, machine)
    ledger = measured(estimated, subject.profile, machine)
    return estimated if ledger is None else plan(subject, machine, ledger)
