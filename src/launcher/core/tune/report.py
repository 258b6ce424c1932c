"""The outcome of a search as JSON: the contract ``launcher.tune/1`` that scripts rely on."""

from collections.abc import Sequence
from typing import Any

from launcher.core.plan.contract import devices_json
from launcher.core.tune.parents import CacheLimit, cache_limit
from launcher.core.tune.trials import Trial, ranked, reason

SCHEMA = "launcher.tune/1"


def to_json(profile: str, machine: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """All candidates, best first, and the recommendation: null when none keeps every margin.

    settings: keys of models.conf to set, null to remove. cache_limit: why layers have to stay on
    the host, null where they don't, or nothing proves it. Memory in bytes, unknown is null.
    """
    order = ranked(trials)
    return {
        "schema": SCHEMA,
        "profile": profile,
        "machine": machine,
        "candidates": [_candidate(trial) for trial in order],
        "reason": reason(order[0], trials[0]),
        "cache_limit": _limit(cache_limit(trials)),
        "recommendation": _recommendation(order[0]) if order[0].holds else None,
    }


def settings(trial: Trial) -> dict[str, str | None]:
    """Keys of models.conf that the candidate sets, or removes where the profile has them (None)."""
    has = trial.task.environment
    return {
        key: value for key, value in trial.candidate.changes if value is not None or f"LLAMA_ARG_{key}" in has
    }


def _limit(limit: CacheLimit | None) -> dict[str, int] | None:
    return {"needed_bytes": limit.needed, "room_bytes": limit.room} if limit else None


def _candidate(trial: Trial) -> dict[str, Any]:
    return {
        **_recommendation(trial),
        "about": trial.candidate.about,
        "holds": trial.holds,
        "missing_bytes": trial.missing if trial.result else None,
        "host_weights_bytes": trial.host_weights if trial.result else None,
        "failure": trial.failure,
    }


def _recommendation(trial: Trial) -> dict[str, Any]:
    result = trial.result
    return {
        "settings": settings(trial),
        "n_ctx": result.placement.n_ctx if result else None,
        "graph_splits": result.graph_splits if result else None,
        "devices": devices_json(result.fitted_ledger) if result else None,
    }
