"""Finding better settings for a profile: ask the engine about candidates, then about their neighbours."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from launcher.core.errors import LauncherError
from launcher.core.tune import Candidate, Task, Trial, neighbours, opening, ranked
from launcher.workflow.engine import Engine, ask_engine

BUDGET = 64
PARENTS = 3
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
        best, idle = None, 0
        while candidates and idle < PATIENCE:
            trials += pool.map(lambda candidate: _try(engine, task, candidate), candidates)
            leader = ranked(trials)[0]
            if leader.error:
                raise trials[0].error or leader.error
            idle = idle + 1 if leader is best else 0
            best = leader
            if progress:
                progress(len(trials), leader.candidate.about)
            candidates = _next(trials, budget - len(trials))
    return tuple(trials)


def _next(trials: Sequence[Trial], room: int) -> list[Candidate]:
    """What is near the best trials, and near the profile as it is while that misses its margins
    with a context that the best don't have; `room` at most, none twice."""
    parents = ranked(trials)[:PARENTS]
    if trials[0].missing and parents[0].n_ctx < trials[0].n_ctx:
        parents = [trials[0], *parents]
    tried = {trial.candidate.changes for trial in trials}
    found: dict[tuple[tuple[str, str | None], ...], Candidate] = {}
    for trial in parents:
        for candidate in neighbours(trial):
            if candidate.changes not in tried:
                found.setdefault(candidate.changes, candidate)
    return list(found.values())[:room]


def _try(engine: Engine, task: Task, candidate: Candidate) -> Trial:
    environment = task.with_changes(dict(candidate.changes))
    try:
        result = ask_engine(engine, task.header, environment, task.command, task.machine)
    except LauncherError as error:
        return Trial(task=task, candidate=candidate, result=None, error=error)
    return Trial(task=task, candidate=candidate, result=result)
