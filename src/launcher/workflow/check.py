"""check: every profile on every machine that it is meant for."""

from collections.abc import Iterator
from dataclasses import dataclass

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Machine
from launcher.core.plan import plan
from launcher.workflow.planning import Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What to check. conf: models.conf as reports name it. machines: those to plan for; a profile is
    checked on those of them that it is meant for."""

    conf: str
    profiles: tuple[str, ...]
    machines: tuple[Machine, ...]
    allow_unknown: bool


def check(request: CheckRequest, planner: Planner) -> CheckResult:
    """Plan each profile on each of its machines.

    What is wrong with one profile is reported with the rest, and does not end the check.
    """
    errors: list[Problem] = []
    checked: list[Checked] = []
    for name in request.profiles:
        try:
            checked.extend(_profile(name, request.machines, planner))
        except UsageError as error:
            errors.extend(each for each in error.problems if each not in errors)
    return CheckResult(
        conf=request.conf,
        checked=tuple(checked),
        errors=tuple(errors),
        allow_unknown=request.allow_unknown,
    )


def _profile(name: str, machines: tuple[Machine, ...], planner: Planner) -> Iterator[Checked]:
    for machine in machines:
        subject = planner.subject(name, machine)
        meant = subject.profile.machines
        if meant is None or machine.name in meant:
            yield Checked.of(plan(subject, machine), subject.profile)
