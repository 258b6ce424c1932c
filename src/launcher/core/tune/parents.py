"""Which trials are worth going on from, and when a goal is out of reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.core.tune.trials import Trial, ranked
from launcher.core.units import mib_down, mib_up

BEST = 3


def parents(trials: Sequence[Trial]) -> list[Trial]:
    """Those to look around next: the best, after them what could become better.

    That is the profile as it is, first of `trials`, while it misses its margins with a context that
    the best doesn't have; and, while the best leaves whole layers of a mixture on the host, the
    trial without that which misses its margins least.
    """
    best, base = ranked(trials)[:BEST], trials[0]
    chosen = [base, *best] if base.missing and best[0].n_ctx < base.n_ctx else best
    if best[0].host_layers and best[0].task.experts and not cache_limit(trials):
        whole = [trial for trial in trials if trial.result and not trial.host_layers]
        chosen = [*sorted(whole, key=lambda trial: trial.missing)[:1], *chosen]
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimit:
    """Why layers have to stay on the host: the cache of all layers, at its smallest, against what
    the GPUs have above their margins. Bytes."""

    needed: int
    room: int

    def __str__(self) -> str:
        return (
            "with this context some layers stay on the host: the cache of all takes at least"
            f" {mib_up(self.needed):,} MiB, and the GPUs have {mib_down(self.room):,} MiB above their margins"
        )


def cache_limit(trials: Sequence[Trial]) -> CacheLimit | None:
    """Why the best leaves whole layers on the host, from what the engine said of all `trials` with
    at least the context of the first; None where it leaves none, or nothing proves that it has to.
    The cache of a layer is where the layer is (src/llama-kv-cache.cpp, build 11160)."""
    tried = [trial for trial in trials if trial.result and trial.n_ctx >= trials[0].n_ctx]
    best = ranked(trials)[0]
    if not best.gpus or not best.host_layers or not tried or not tried[0].task.settings.kv_offload:
        return None
    needed, room = min(trial.cache for trial in tried), max(trial.room for trial in tried)
    return CacheLimit(needed=needed, room=room) if needed > room else None
