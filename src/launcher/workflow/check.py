"""check: every profile on every machine that it is meant for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Machine
from launcher.workflow.planning import Models, Resolve, plan_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What to check. conf: models.conf as reports name it. machines: those to plan for; a profile is
    checked on those of them that it is meant for."""

    conf: str
    profiles: tuple[str, ...]
    machines: tuple[Machine, ...]
    allow_unknown: bool


def check(
    request: CheckRequest, resolve: Resolve, models: Models, problems: Sequence[Problem]
) -> CheckResult:
    """Plan each profile on each of its machines. `problems` are those that models.conf already has.

    What is wrong with one profile is reported with the rest, and does not end the check.
    """
    errors = list(problems)
    checked: list[Checked] = []
    for name in request.profiles:
        try:
            checked.extend(_profile(name, request, resolve, models))
        except UsageError as error:
            errors.extend(each for each in error.problems if each not in errors)
    return CheckResult(
        conf=request.conf,
        checked=tuple(checked),
        errors=tuple(errors),
        allow_unknown=request.allow_unknown,
    )


def _profile(name: str, request: CheckRequest, resolve: Resolve, models: Models) -> Iterator[Checked]:
    for machine in _machines(name, request, resolve):
        profile = resolve(name, machine)
        yield Checked.of(plan_profile(profile, models, machine), profile)


def _machines(name: str, request: CheckRequest, resolve: Resolve) -> tuple[Machine, ...]:
    machines = request.machines
    meant = resolve(name, machines[0] if machines else None).machines
    return tuple(machine for machine in machines if meant is None or machine.name in meant)
