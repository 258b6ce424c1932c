"""A search for better settings on the terminal."""

from launcher.console import Console, table
from launcher.core.tune import Trial, Tuning, cache_limit
from launcher.core.tune.report import settings, to_json
from launcher.core.units import mib_down, mib_up

ROWS = 16
UNKNOWN = "-"
NUMBERS = ("missing", "host", "splits", "left")
SPEEDS = ("prompt tokens", "prompt tokens/s", "answer tokens/s")


def show_tuning(console: Console, profile: str, found: Tuning) -> None:
    """The best candidates, how fast those were that were started, what is recommended and why.

    Memory in MiB.
    """
    machine, order = found.trials[0].task.machine.name, found.order
    title = f"{profile} on {machine}: {len(order)} candidates, best first (MiB)"
    rows = table("candidate", *NUMBERS, right=NUMBERS, title=title)
    for trial in order[:ROWS]:
        rows.add_row(*_cells(trial))
    console.show(rows)
    if found.runs:
        _show_runs(console, found)
    console.data(found.reason)
    if limit := cache_limit(found.trials):
        console.data(str(limit))
    for key, value in settings(found.recommended).items() if found.recommended else ():
        console.data(f"  {key} = {value}" if value is not None else f"  {key}: remove it")


def show_tuning_json(console: Console, profile: str, found: Tuning) -> None:
    """The contract ``launcher.tune/1``."""
    console.json(to_json(profile, found.trials[0].task.machine.name, found))


def _show_runs(console: Console, found: Tuning) -> None:
    title = f"{len(found.runs)} of them were started and measured, fastest first: this is their rank"
    rows = table("candidate", *SPEEDS, right=SPEEDS, title=title)
    runs = [run for trial in found.order if (run := found.run(trial))]
    for run in runs:
        for speed in run.speeds:
            rows.add_row(
                run.trial.candidate.about,
                f"{speed.prompt_tokens:,}",
                f"{speed.prompt_per_second:,.1f}",
                f"{speed.answer_per_second:,.1f}",
            )
        if not run.speeds:
            rows.add_row(run.trial.candidate.about, *[UNKNOWN] * len(SPEEDS))
    console.show(rows)
    for run in runs:
        if run.failure:
            console.note(f"{run.trial.candidate.about}: {run.failure}", style="red")


def _cells(trial: Trial) -> tuple[str, ...]:
    if trial.result is None:
        return (f"{trial.candidate.about}: {trial.failure}", *[UNKNOWN] * len(NUMBERS))
    lefts = [line.left for line in trial.gpus if line.left is not None]
    splits = UNKNOWN if trial.graph_splits is None else str(trial.graph_splits)
    return (
        trial.candidate.about,
        f"{mib_up(trial.missing):,}",
        f"{mib_up(trial.host_weights):,}",
        splits,
        f"{mib_down(min(lefts)):,}" if lefts else UNKNOWN,
    )
