"""Plans: what `up` would do with a profile on a machine, and whether it holds."""

from launcher.core.plan.build import plan, plan_without_answer
from launcher.core.plan.values import Plan

__all__ = ["Plan", "plan", "plan_without_answer"]
