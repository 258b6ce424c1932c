"""Plans: what `up` would do with a profile on a machine, and whether it holds."""

from launcher.core.plan.build import plan
from launcher.core.plan.values import Plan

__all__ = ["Plan", "plan"]
