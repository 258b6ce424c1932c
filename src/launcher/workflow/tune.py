"""Finding better settings for a profile: ask the engine about candidates, then about their neighbours."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from launcher.core.errors import LauncherError
from launcher.core.settings_reader import read_settings
from launcher.core.strategy import roomier_fit
from launcher.core.tune import Candidate, Task, Trial, neighbours, opening, parents, ranked
from launcher.workflow.engine import Engine, ask_engine

BUDGET = 64
PATIENCE = 2

Progress = Callable[[int, str], None]


def tune(
    engine: Engine, task: Task, *, jobs: int, budget: int = BUDGET, progress: Progress | None = None
) -> tuple[Trial, ...]:
    """Try at most `budget` candidates, `jobs` at a time: first the opening, then what is near the
    best, until that brings nothing. The first trial is the profile as it is.

    Raises LauncherError when the engine refuses every candidate of the opening.
    """
    with ThreadPoolExecutor(jobs) as pool:
        trials: list[Trial] = []
        candidates = opening(task)[:budget]
        best, aim, idle = None, None, 0
        while candidates and idle < PATIENCE:
            trials += pool.map(lambda candidate: _try(engine, task, candidate), candidates)
            leader = ranked(trials)[0]
            if leader.error:
                raise trials[0].error or leader.error
            near = parents(trials)
            idle = idle + 1 if leader is best and near[0] is aim else 0
            best, aim = leader, near[0]
            if progress:
                progress(len(trials), leader.candidate.about)
            candidates = _next(trials, near, budget - len(trials))
    return tuple(trials)


def _next(trials: Sequence[Trial], near: Sequence[Trial], room: int) -> list[Candidate]:
    """The neighbours of `near`, `room` at most, none that was tried."""
    tried = {trial.candidate.changes for trial in trials}
    found: dict[tuple[tuple[str, str | None], ...], Candidate] = {}
    for trial in near:
        for candidate in neighbours(trial):
            if candidate.changes not in tried:
                found.setdefault(candidate.changes, candidate)
    return list(found.values())[:room]


def _try(engine: Engine, task: Task, candidate: Candidate) -> Trial:
    environment = task.with_changes(dict(candidate.changes))
    try:
        room = roomier_fit(read_settings(environment, task.command), task.machine, task.unseen)
        result = ask_engine(engine, task.header, environment, (*task.command, *room), task.machine)
    except LauncherError as error:
        return Trial(task=task, candidate=candidate, result=None, error=error)
    return Trial(task=task, candidate=candidate, result=result)
