"""Tuning: which settings to try next, which of those that were tried is best, and why."""

from launcher.core.tune.candidate import Candidate
from launcher.core.tune.neighbours import neighbours
from launcher.core.tune.opening import opening
from launcher.core.tune.task import Task
from launcher.core.tune.trials import Trial, ranked, reason

__all__ = ["Candidate", "Task", "Trial", "neighbours", "opening", "ranked", "reason"]
