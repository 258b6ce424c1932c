"""``launcher tune``: a search for better settings, with the engine's own figures."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.engine import dry_runs_at_once, engine_option, on_simulated, open_engine
from launcher.cli.machines import machine_for
from launcher.cli.options import LauncherCommand, Workspace, profile_argument, workspace
from launcher.console import Console
from launcher.core.errors import failure

if TYPE_CHECKING:
    from launcher.core.machine import Machine
    from launcher.core.subject import Subject
    from launcher.core.tune import Task, Trial

EXIT_DOES_NOT_FIT = 4


@click.command(cls=LauncherCommand)
@profile_argument()
@engine_option()
@click.option(
    "--cache-type",
    "cache_types",
    multiple=True,
    metavar="TYPE",
    help="Try this type for the KV cache, too (such as q8_0).",
)
@click.option(
    "--budget", type=click.IntRange(min=1), default=64, help="Candidates to try.", show_default=True
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Dry runs at a time. Default: as many as cores; 1 on real GPUs.",
)
@click.option("--apply", "apply_", is_flag=True, help="Write the recommendation to models.conf.")
@click.pass_context
def tune(
    ctx: click.Context,
    profile: str,
    engine_bin: Path | None,
    cache_types: tuple[str, ...],
    budget: int,
    jobs: int | None,
    apply_: bool,
) -> int:
    """Try settings with dry runs of the engine, and recommend the best.

    The exit code is 0 when the recommendation keeps every margin, and 4 when nothing does.
    """
    from launcher.cli.planning import open_planner
    from launcher.cli.project import load_project
    from launcher.workflow.tune import tune as search

    space = workspace(ctx)
    machine = machine_for(space)
    planner = open_planner(load_project(space), {})
    subject = planner.subject(profile, machine)
    task = _task(subject, machine, dict(planner.plan(profile, machine).environment), cache_types)
    console = Console()
    with (
        open_engine(space, subject.profile, task.machine, engine_bin) as engine,
        console.progress("asking the engine") as progress,
    ):

        def say(count: int, best: str) -> None:
            progress.say(f"{count} candidates tried; best so far: {best}")

        jobs = jobs or dry_runs_at_once(simulated=on_simulated(space))
        trials = search(engine, task, jobs=jobs, budget=budget, progress=say)
    return _finish(space, console, profile, machine, trials, apply_)


def _task(
    subject: "Subject", machine: "Machine", environment: dict[str, str], cache_types: tuple[str, ...]
) -> "Task":
    from launcher.core.strategy import margins
    from launcher.core.tune import Task

    model = subject.known.model
    if model is None:
        raise failure(
            f"nothing to tune without the model's header: {subject.known.missing}",
            where=f"[{subject.profile.name}]",
        )
    seen = subject.on(machine)
    return Task(
        header=model.header,
        machine=seen,
        environment=environment,
        command=subject.profile.command,
        margins=margins(subject.settings, seen),
        cache_types=cache_types,
    )


def _finish(
    space: Workspace,
    console: Console,
    profile: str,
    machine: "Machine",
    trials: "Sequence[Trial]",
    apply_: bool,
) -> int:
    from launcher.console.tune import show_tuning, show_tuning_json
    from launcher.core.tune import ranked

    show = show_tuning_json if space.json else show_tuning
    show(console, profile, machine.name, trials)
    best = ranked(trials)[0]
    if not best.holds:
        return EXIT_DOES_NOT_FIT
    if apply_:
        _apply(space, console, profile, best)
    return 0


def _apply(space: Workspace, console: Console, profile: str, best: "Trial") -> None:
    from launcher.cli.edit import change_conf
    from launcher.cli.project import shown
    from launcher.console.edit import show_change
    from launcher.core.tune.report import settings

    made = change_conf(space, partial(_write, profile=profile, settings=settings(best)))
    if not space.json:
        show_change(console, made, shown(space.conf))


def _write(text: str, profile: str, settings: Mapping[str, str | None]) -> str:
    """Set the keys of a section that have a value, and remove the others where they stand."""
    from launcher.core import conf_edit
    from launcher.core.profiles.keys import canonical

    values = {key: value for key, value in settings.items() if value is not None}
    there = {canonical(key) for key in conf_edit.sections(text).get(profile, {})}
    gone = [key for key, value in settings.items() if value is None and key in there]
    return conf_edit.unset(conf_edit.set_values(text, profile, values), profile, gone)
