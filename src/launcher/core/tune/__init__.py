"""Tuning: which settings to try next, which of those that were tried is best, and why."""

from launcher.core.tune.candidate import Candidate
from launcher.core.tune.neighbours import neighbours
from launcher.core.tune.opening import opening
from launcher.core.tune.parents import cache_limit, parents
from launcher.core.tune.runs import Run, few
from launcher.core.tune.task import Task
from launcher.core.tune.trials import Trial, ranked, reason
from launcher.core.tune.tuning import Tuning

__all__ = [
    "Candidate",
    "Run",
    "Task",
    "Trial",
    "Tuning",
    "cache_limit",
    "few",
    "neighbours",
    "opening",
    "parents",
    "ranked",
    "reason",
]
