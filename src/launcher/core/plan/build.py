"""plan(): from a profile and a machine to what would happen."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from launcher.core.assessment import Assessment, assess, reassess, with_measured
from launcher.core.errors import LauncherError
from launcher.core.fit import Placement
from launcher.core.ledger import Ledger
from launcher.core.lint import Case, companion_findings, lint, lint_subject
from launcher.core.lint.differences import compare, unanswered
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.plan.values import Plan
from launcher.core.speed import estimate_speed
from launcher.core.strategy import fit_environment, roomier_fit
from launcher.core.subject import Subject

Ask = Callable[[Model, Mapping[str, str], tuple[str, ...], Machine], Placement]
"""The engine, asked where it puts a model under an environment and a command line on a machine."""


def plan(
    subject: Subject, machine: Machine, measured: Ledger | None = None, *, ask: Ask | None = None
) -> Plan:
    """The plan of one profile on one machine. Facts that are missing make the verdict ``unknown``.

    measured: what a server of these settings allocated there; it goes before the estimate. ask: whom to
    ask in place of the estimate; where the two differ is a finding.
    """
    if subject.known.model is None or subject.missing:
        return _without_facts(subject, subject.seen(machine))
    model, seen = subject.known.model, subject.seen(machine)
    estimate = assess(subject.settings, model, seen)
    if ask is not None:
        return _by_engine(subject, model, machine, estimate, ask)
    if measured is not None:
        estimate = with_measured(estimate, measured, model, seen)
    return _placed(subject, model, machine, estimate)


def _by_engine(subject: Subject, model: Model, whole: Machine, estimate: Assessment, ask: Ask) -> Plan:
    """The engine gets all of the machine, and a fit that leaves room for what its dry run leaves out."""
    choice, seen = estimate.choice, subject.seen(whole)
    left_out = subject.left_out(whole)
    room = roomier_fit(choice.settings, seen, [usage.total for usage in left_out[:-1]])
    environment = {**subject.profile.environment, **choice.environment}
    answer = ask(model, environment, (*subject.profile.command, *room), seen)
    found = reassess(estimate, answer, model, seen, left_out)
    told = _placed(subject, model, whole, found)
    return replace(told, findings=(*told.findings, *compare(choice.placement.fitted, found.placement.fitted)))


def plan_without_answer(subject: Subject, machine: Machine, error: LauncherError) -> Plan:
    """The plan of a profile of which the engine said nothing: unknown, and no figure is made up."""
    return replace(
        _without_facts(subject, subject.seen(machine)),
        source="engine",
        reason="the engine gave no answer",
        findings=(*unanswered(error), *lint_subject(subject)),
    )


def _without_facts(subject: Subject, machine: Machine) -> Plan:
    return Plan(
        profile=subject.profile.name,
        machine=machine.name,
        source="estimate",
        verdict="unknown",
        reason="missing: " + (subject.missing or "the model"),
        model=subject.known.facts,
        n_ctx=subject.settings.n_ctx or None,
        fit=subject.settings.fit,
        initial=None,
        placed=None,
        host=None,
        n_gpu_layers=None,
        tensor_split=None,
        strategy="FIT" if subject.settings.fit else "FIT=off: as the profile says",
        environment={**subject.profile.environment, **fit_environment(subject.settings, machine)},
        command=subject.profile.command,
        speed=None,
        findings=lint_subject(subject),
    )


def _placed(subject: Subject, model: Model, whole: Machine, found: Assessment) -> Plan:
    machine = subject.seen(whole)
    placement = found.placement
    judgement = found.judgement
    case = Case(subject=subject, model=model, machine=machine, assessment=found)
    return Plan(
        profile=subject.profile.name,
        machine=machine.name,
        source=placement.fitted.source,
        verdict=judgement.verdict,
        reason=judgement.reason,
        model=subject.known.facts,
        n_ctx=placement.n_ctx,
        fit=subject.settings.fit,
        initial=placement.initial,
        placed=placement.fitted,
        host=found.host,
        n_gpu_layers=placement.n_gpu_layers,
        tensor_split=placement.tensor_split,
        strategy=found.choice.words,
        environment={**subject.profile.environment, **found.choice.environment},
        command=subject.profile.command,
        speed=estimate_speed(model, found.choice.settings, placement, machine),
        findings=(*lint(case), *companion_findings(subject, whole, placement.fitted.source)),
    )
