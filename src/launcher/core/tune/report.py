"""The outcome of a search as JSON: the contract ``launcher.tune/1`` that scripts rely on."""

from dataclasses import asdict
from typing import Any

from launcher.core.plan.contract import devices_json
from launcher.core.tune.parents import CacheLimit, cache_limit
from launcher.core.tune.runs import Run
from launcher.core.tune.trials import Trial
from launcher.core.tune.tuning import Tuning

SCHEMA = "launcher.tune/1"


def to_json(profile: str, machine: str, found: Tuning) -> dict[str, Any]:
    """All candidates, best first, and the recommendation: null when none keeps every margin.

    settings: keys of models.conf to set, null to remove. measured: null where it was not started.
    cache_limit: why layers have to stay on the host, null where they don't, or nothing proves it. Memory
    in bytes, unknown is null.
    """
    best = found.recommended
    return {
        "schema": SCHEMA,
        "profile": profile,
        "machine": machine,
        "ranked_by": "measured" if found.runs else "dry-run",
        "candidates": [_candidate(trial, found.run(trial)) for trial in found.order],
        "reason": found.reason,
        "cache_limit": _limit(cache_limit(found.trials)),
        "recommendation": None if best is None else _recommendation(best),
    }


def settings(trial: Trial) -> dict[str, str | None]:
    """Keys of models.conf that the candidate sets, or removes where the profile has them (None)."""
    has = trial.task.environment
    return {
        key: value for key, value in trial.candidate.changes if value is not None or f"LLAMA_ARG_{key}" in has
    }


def _limit(limit: CacheLimit | None) -> dict[str, int] | None:
    return {"needed_bytes": limit.needed, "room_bytes": limit.room} if limit else None


def _candidate(trial: Trial, run: Run | None) -> dict[str, Any]:
    return {
        **_recommendation(trial),
        "about": trial.candidate.about,
        "holds": trial.holds,
        "missing_bytes": trial.missing if trial.result else None,
        "host_weights_bytes": trial.host_weights if trial.result else None,
        "failure": trial.failure,
        "measured": None if run is None else _measured(run),
    }


def _measured(run: Run) -> dict[str, Any]:
    return {
        "seconds": run.seconds,
        "speeds": [asdict(speed) for speed in run.speeds],
        "peak_bytes": dict(run.peak),
        "failure": run.failure,
    }


def _recommendation(trial: Trial) -> dict[str, Any]:
    result = trial.result
    return {
        "settings": settings(trial),
        "n_ctx": result.placement.n_ctx if result else None,
        "graph_splits": result.graph_splits if result else None,
        "devices": devices_json(result.fitted_ledger) if result else None,
    }
