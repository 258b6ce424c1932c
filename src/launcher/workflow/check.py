"""check: every profile on every machine that it is meant for."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import LauncherError, Problem, UsageError
from launcher.core.ledger import Ledger
from launcher.core.machine import Machine
from launcher.core.plan import Plan, plan, plan_without_answer
from launcher.core.profiles import Profile
from launcher.core.subject import Subject
from launcher.workflow.engine import Engine
from launcher.workflow.planning import Planner, plan_by_engine


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What to check. conf: models.conf as reports name it. machines: those to plan for; a profile is
    checked on those of them that it is meant for."""

    conf: str
    profiles: tuple[str, ...]
    machines: tuple[Machine, ...]
    allow_unknown: bool


Make = Callable[[Subject, Machine], Plan]
"""Makes the plan of a profile on a machine. Raises UsageError for settings that make no sense."""

Measured = Callable[[Plan, Profile, Machine], Ledger | None]
"""What a server allocated that was started with this plan on this machine; None when nobody looked."""

EngineFor = Callable[[Profile, Machine], Engine]
"""The engine to ask about a profile on a machine; may be called from several threads."""


def measured_first(measured: Measured) -> Make:
    """Plans from the estimate, and from what was measured where somebody looked."""

    def make(subject: Subject, machine: Machine) -> Plan:
        estimated = plan(subject, machine)
        ledger = measured(estimated, subject.profile, machine)
        return estimated if ledger is None else plan(subject, machine, ledger)

    return make


def by_engine(engine_for: EngineFor) -> Make:
    """Plans from the engine's own dry runs, and from nothing else.

    Where a dry run fails, the plan says so and is unknown. Raises LauncherError, with the profile and
    the machine, where there is no engine at all.
    """

    def make(subject: Subject, machine: Machine) -> Plan:
        engine = _engine(engine_for, subject.profile, machine)
        try:
            return plan_by_engine(subject, machine, engine)
        except UsageError:
            raise
        except LauncherError as error:
            engine.keep_files()
            return plan_without_answer(subject, machine, error)

    return make


def _engine(engine_for: EngineFor, profile: Profile, machine: Machine) -> Engine:
    try:
        return engine_for(profile, machine)
    except LauncherError as error:
        about = f"[{profile.name}] on {machine.name}"
        raise LauncherError(*(_located(each, about) for each in error.problems)) from error


def _located(problem: Problem, about: str) -> Problem:
    return replace(problem, where=f"{about}: {problem.where}" if problem.where else about)


def check(request: CheckRequest, planner: Planner, make: Make = plan, *, jobs: int = 1) -> CheckResult:
    """Plan each profile on each of its machines, `jobs` plans at a time.

    What is wrong with one profile is reported with the rest, and does not end the check; another
    error that `make` raises does.
    """
    wrong: list[UsageError] = []
    cases: list[tuple[Subject, Machine]] = []
    for name in request.profiles:
        try:
            cases.extend(_cases(name, request.machines, planner))
        except UsageError as error:
            wrong.append(error)
    with ThreadPoolExecutor(jobs) as pool:
        made = list(pool.map(partial(_checked, make), cases))
    wrong += (each for each in made if isinstance(each, UsageError))
    return CheckResult(
        conf=request.conf,
        checked=tuple(each for each in made if isinstance(each, Checked)),
        errors=tuple(dict.fromkeys(problem for error in wrong for problem in error.problems)),
        allow_unknown=request.allow_unknown,
    )


def _cases(name: str, machines: tuple[Machine, ...], planner: Planner) -> Iterator[tuple[Subject, Machine]]:
    for machine in machines:
        subject = planner.subject(name, machine)
        meant = subject.profile.machines
        if meant is None or machine.name in meant:
            yield subject, machine


def _checked(make: Make, case: tuple[Subject, Machine]) -> Checked | UsageError:
    subject, machine = case
    try:
        return Checked.of(make(subject, machine), subject.profile)
    except UsageError as error:
        return error
