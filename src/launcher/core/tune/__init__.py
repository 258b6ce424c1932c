"""Tuning: which settings to try next, which of those that were tried is best, and why."""

from launcher.core.tune.candidate import Candidate
from launcher.core.tune.neighbours import neighbours
from launcher.core.tune.opening import opening
from launcher.core.tune.parents import cache_limit, parents
from launcher.core.tune.task import Task
from launcher.core.tune.trials import Trial, ranked, reason

__all__ = [
    "Candidate",
    "Task",
    "Trial",
    "cache_limit",
    "neighbours",
    "opening",
    "parents",
    "ranked",
    "reason",
]
