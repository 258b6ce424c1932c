"""``launcher tune``: a search for better settings, with the engine's own figures."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.bench import lengths_of, prompt_lengths_option, request_timeout_option
from launcher.cli.engine import dry_runs_at_once, engine_option, on_simulated, open_engine
from launcher.cli.machines import machine_for
from launcher.cli.options import LauncherCommand, Workspace, profile_argument, workspace
from launcher.console import Console
from launcher.core.errors import failure, misuse

if TYPE_CHECKING:
    from launcher.console import Progress
    from launcher.core.profiles import Profile
    from launcher.core.tune import Task, Trial, Tuning

EXIT_FAILED = 1
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
@click.option("--bench", is_flag=True, help="Also start the best on this computer, and measure their speed.")
@prompt_lengths_option
@request_timeout_option
@click.option("-y", "--yes", is_flag=True, help="Stop a running server for --bench without asking.")
@click.option("--apply", "apply_", is_flag=True, help="Write the recommendation to models.conf.")
@click.pass_context
def tune(
    ctx: click.Context,
    profile: str,
    engine_bin: Path | None,
    cache_types: tuple[str, ...],
    budget: int,
    jobs: int | None,
    bench: bool,
    prompt_lengths: str | None,
    timeout: float,
    yes: bool,
    apply_: bool,
) -> int:
    """Try settings with dry runs of the engine, and recommend the best.

    With --bench the profile as it is and the best three others are then started here, one after the
    other, and given the prompts of `launcher bench`; the recommendation goes by their speed. The server
    that runs is stopped before, and runs again afterwards. --prompt-lengths, --timeout and --yes are for
    --bench. The exit code is 0 when the recommendation keeps every margin, 4 when nothing does, and 1 when
    none of those that were started answered, or the server from before did not come back.
    """
    space, console = workspace(ctx), Console()
    if bench:
        from launcher.cli.tune_bench import Trying, at_hand
        from launcher.console.launch import Teller

        space = at_hand(space)
    elif prompt_lengths:
        raise misuse("nothing is measured without --bench", where="--prompt-lengths")
    lengths = lengths_of(prompt_lengths)
    search = Search(
        space=space,
        profile=profile,
        engine_bin=engine_bin,
        cache_types=cache_types,
        budget=budget,
        jobs=jobs,
    )
    with console.progress("asking the engine") as progress:
        if bench:
            trying = Trying(search=search, lengths=lengths, timeout=timeout)
            found, back = trying.run(Teller(console, progress, yes=yes), progress)
        else:
            found, back = search.run(progress), True
    code = _finish(space, console, profile, found, apply_)
    return code if back else EXIT_FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to ask the engine about, and how. jobs: None is as many as make sense."""

    space: Workspace
    profile: str
    engine_bin: Path | None
    cache_types: tuple[str, ...]
    budget: int
    jobs: int | None

    def run(self, progress: "Progress") -> "Tuning":
        """Try candidates in dry runs; raises LauncherError where the engine can't be asked."""
        from launcher.core.tune import Tuning
        from launcher.workflow.tune import tune as search

        def say(count: int, best: str) -> None:
            progress.say(f"{count} candidates tried; best so far: {best}")

        image_of, task = self._task()
        jobs = self.jobs or dry_runs_at_once(simulated=on_simulated(self.space))
        with open_engine(self.space, image_of, task.machine, self.engine_bin) as engine:
            return Tuning(trials=search(engine, task, jobs=jobs, budget=self.budget, progress=say))

    def _task(self) -> "tuple[Profile, Task]":
        from launcher.cli.planning import open_planner
        from launcher.cli.project import load_project
        from launcher.core.strategy import margins
        from launcher.core.tune import Task

        machine = machine_for(self.space)
        planner = open_planner(load_project(self.space), {})
        subject = planner.subject(self.profile, machine)
        model = subject.known.model
        if model is None:
            raise failure(
                f"nothing to tune without the model's header: {subject.known.missing}",
                where=f"[{subject.profile.name}]",
            )
        seen = subject.on(machine)
        task = Task(
            header=model.header,
            machine=seen,
            environment=dict(planner.plan(self.profile, machine).environment),
            command=subject.profile.command,
            margins=margins(subject.settings, seen),
            cache_types=self.cache_types,
            unseen=() if on_simulated(self.space) else subject.claims(machine),
        )
        return subject.profile, task


def _finish(space: Workspace, console: Console, profile: str, found: "Tuning", apply_: bool) -> int:
    from launcher.console.tune import show_tuning, show_tuning_json

    show = show_tuning_json if space.json else show_tuning
    show(console, profile, found)
    best = found.recommended
    if best is None:
        return EXIT_FAILED if found.runs else EXIT_DOES_NOT_FIT
    if apply_:
        _apply(space, console, profile, best)
    return 0


def _apply(space: Workspace, console: Console, profile: str, best: "Trial") -> None:
    from launcher.cli.edit import change_conf
    from launcher.cli.project import shown
    from launcher.console.edit import show_change
    from launcher.core.conf_edit import change
    from launcher.core.tune.report import settings

    made = change_conf(space, partial(change, profile=profile, settings=settings(best)))
    if not space.json:
        show_change(console, made, shown(space.conf))
