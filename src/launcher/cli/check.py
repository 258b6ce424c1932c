"""``launcher check``: does every profile fit the machines that it is meant for?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.engine import dry_runs_at_once, engine_option, open_engines
from launcher.cli.machines import DETECT
from launcher.cli.options import LauncherCommand, Workspace, workspace
from launcher.console import Console

if TYPE_CHECKING:
    from launcher.core.checking import CheckResult
    from launcher.workflow.check import CheckRequest
    from launcher.workflow.planning import Planner

    Run = Callable[[Workspace, CheckRequest, Planner], CheckResult]

FORMATS = ("text", "json", "junit", "sarif", "github")


@click.command(cls=LauncherCommand)
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="Form of the report.")
@click.option("--allow-unknown", is_flag=True, help="A model of which nothing is known is no failure.")
@click.option("--engine", is_flag=True, help="Take the figures from llama.cpp's own dry runs.")
@engine_option()
@click.pass_context
def check(
    ctx: click.Context,
    profiles: tuple[str, ...],
    form: str,
    allow_unknown: bool,
    engine: bool,
    engine_bin: Path | None,
) -> int:
    """Check profiles against machines, without a GPU and without the weights.

    Every active profile, or those named, on each machine in its MACHINES (default: all under
    profiles/machines/), against its PLACEMENT, MIN_CTX and MAX_HOST_WEIGHTS, and the rules of
    lessons_learned.md. With --engine, neither estimates nor measurements count, only the engine's
    dry runs. The exit code is 0 when all is well, 2 when models.conf is wrong, 4 when a profile does
    not fit, and 1 when all that failed are dry runs.
    """
    space = workspace(ctx)
    run = partial(_by_engine, engine_bin) if engine else _by_estimate
    result = _check(space, profiles, allow_unknown, run)
    _show(Console(), result, "json" if space.json else form)
    return result.exit_code


def _check(space: Workspace, profiles: tuple[str, ...], allow_unknown: bool, run: "Run") -> "CheckResult":
    from launcher.cli.machines import all_machines
    from launcher.cli.planning import open_planner
    from launcher.cli.project import load_project, shown
    from launcher.core.checking import CheckResult
    from launcher.core.errors import UsageError
    from launcher.workflow.check import CheckRequest

    try:
        machines = all_machines(space)
        project = load_project(space, () if space.machines else machines)
    except UsageError as error:
        return CheckResult(conf=shown(space.conf), checked=(), errors=error.problems)
    request = CheckRequest(
        conf=shown(space.conf),
        profiles=profiles or project.registry.names(),
        machines=machines,
        allow_unknown=allow_unknown,
    )
    return run(space, request, open_planner(project, {}))


def _by_estimate(space: Workspace, request: "CheckRequest", planner: "Planner") -> "CheckResult":
    """Estimates, and before them what was measured."""
    from launcher.cli.evidence import all_evidence
    from launcher.cli.images import lock_file
    from launcher.core.evidence import measurement
    from launcher.workflow.check import check, measured_first

    measured = partial(measurement, all_evidence(space), lock_file(space).read())
    return check(request, planner, measured_first(measured))


def _by_engine(
    engine_bin: Path | None, space: Workspace, request: "CheckRequest", planner: "Planner"
) -> "CheckResult":
    """The engine's dry runs, and nothing else."""
    from launcher.workflow.check import by_engine, check

    here = request.machines[space.machines.index(DETECT)] if DETECT in space.machines else None
    jobs = dry_runs_at_once(simulated=here is None)
    with open_engines(engine_bin, here) as engine_for, Console().progress("asking the engine"):
        return check(request, planner, by_engine(engine_for), jobs=jobs)


def _show(console: Console, result: "CheckResult", form: str) -> None:
    from launcher.console.check import show_check, show_check_json, show_report

    if form == "json":
        show_check_json(console, result)
    elif form == "text":
        show_check(console, result)
    else:
        show_report(console, result, _builder(form))


def _builder(form: str) -> Callable[["CheckResult"], str]:
    if form == "junit":
        from launcher.core.reports.junit import junit

        return junit
    if form == "github":
        from launcher.core.reports.github import annotations

        return annotations
    from importlib.metadata import version

    from launcher.core.reports.sarif import sarif

    return lambda result: sarif(result, version("launcher"))
