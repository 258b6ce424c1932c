"""A search for better settings on the terminal."""

from collections.abc import Sequence

from launcher.console import Console, table
from launcher.core.tune import Trial, cache_limit, ranked, reason
from launcher.core.tune.report import settings, to_json
from launcher.core.units import mib_down, mib_up

ROWS = 16
UNKNOWN = "-"
NUMBERS = ("missing", "host", "splits", "left")


def show_tuning(console: Console, profile: str, machine: str, trials: Sequence[Trial]) -> None:
    """The best candidates, and what is recommended and why. Memory in MiB."""
    order = ranked(trials)
    title = f"{profile} on {machine}: {len(trials)} candidates, best first (MiB)"
    rows = table("candidate", *NUMBERS, right=NUMBERS, title=title)
    for trial in order[:ROWS]:
        rows.add_row(*_cells(trial))
    console.show(rows)
    best = order[0]
    console.data(reason(best, trials[0]))
    if limit := cache_limit(trials):
        console.data(str(limit))
    if best.holds:
        for key, value in settings(best).items():
            console.data(f"  {key} = {value}" if value is not None else f"  {key}: remove it")


def show_tuning_json(console: Console, profile: str, machine: str, trials: Sequence[Trial]) -> None:
    """The contract ``launcher.tune/1``."""
    console.json(to_json(profile, machine, trials))


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
