"""A candidate and what the engine said of it; the order among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.core.dry_run import EngineResult
from launcher.core.errors import LauncherError
from launcher.core.ledger import DeviceLine
from launcher.core.tune.candidate import Candidate
from launcher.core.tune.layout import Layout
from launcher.core.tune.task import Task
from launcher.core.units import MIB, mib_up

PRICE = 10
ROUNDING = 3 * MIB
"""The engine prints whole MiB, rounded down, of three parts."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate: the engine's result, or the error that says why there is none."""

    task: Task
    candidate: Candidate
    result: EngineResult | None
    error: LauncherError | None = None

    @property
    def failure(self) -> str | None:
        """Why there is no result."""
        return self.error.problems[0].what if self.error else None

    @property
    def gpus(self) -> tuple[DeviceLine, ...]:
        """The GPUs that are used."""
        return self.result.fitted_ledger.gpus if self.result else ()

    @cached_property
    def slack(self) -> tuple[int, ...]:
        """Bytes that each of them has above its margin, at the least (negative: missing)."""
        return tuple((line.left or 0) - ROUNDING - self.task.margin(line.name) for line in self.gpus)

    @property
    def room(self) -> int:
        """Bytes that the GPUs which are used have above their margins, when empty."""
        return sum(max(0, (line.free or 0) - self.task.margin(line.name)) for line in self.gpus)

    @cached_property
    def missing(self) -> int:
        """Bytes by which margins are missed, over all GPUs; 0: the setting holds."""
        return -sum(min(0, slack) for slack in self.slack)

    @property
    def holds(self) -> bool:
        """Every margin is kept."""
        return self.result is not None and self.missing == 0

    @cached_property
    def layout(self) -> Layout | None:
        """Where the layers are; None when the engine didn't say."""
        if self.candidate.layout or self.result is None:
            return self.candidate.layout
        return Layout.of(self.result.placement, self.task.layers)

    @property
    def n_ctx(self) -> int:
        return self.result.placement.n_ctx if self.result else 0

    @property
    def host_weights(self) -> int:
        """Bytes of weights in host memory."""
        return self.result.fitted_ledger.host.usage.model if self.result else 0

    @property
    def host_layers(self) -> int:
        """Whole layers on the host: their cache is there, too."""
        return self.task.layers - sum(line.layers or 0 for line in self.gpus)

    @property
    def cache(self) -> int:
        """Bytes of the KV cache and of recurrent states, wherever they are."""
        devices = self.result.fitted_ledger.devices if self.result else ()
        return sum(line.usage.context for line in devices)

    @property
    def cache_per_layer(self) -> int:
        """The mean of it."""
        return self.cache // max(1, self.task.layers - 1)

    @property
    def graph_splits(self) -> int | None:
        return self.result.graph_splits if self.result else None

    def rank(self, n_ctx: int) -> tuple[float, ...]:
        """Least is best: margins missed, context lost of `n_ctx`, weights on the host (before them
        whole layers of a mixture, as their cache is on the host, too), graph splits, layers on the
        first GPU, which is the fastest, and headroom. What a candidate gives up has to pay: each
        step of its cost counts as a tenth more weights on the host."""
        if self.result is None:
            return (float("inf"),)
        return (
            self.missing,
            max(0, n_ctx - self.n_ctx),
            self.host_layers if self.task.experts else 0,
            self.host_weights * (PRICE + self.candidate.cost) // PRICE,
            float("inf") if self.graph_splits is None else self.graph_splits,
            -sum(line.layers or 0 for line in self.gpus if self.task.index(line.name) == 0),
            -min(self.slack, default=0),
        )


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Best first; those without a result last. The first trial is the profile as it is: its
    context is the one to keep."""
    n_ctx = trials[0].n_ctx if trials else 0
    return sorted(trials, key=lambda trial: trial.rank(n_ctx))


def reason(best: Trial, base: Trial) -> str:
    """Why `best` is recommended rather than what the profile says."""
    if best.result is None:
        return f"nothing could be laid out: {best.failure}"
    if not best.holds:
        return f"nothing that was tried fits: the best misses its margins by {mib_up(best.missing):,} MiB"
    if best.candidate == base.candidate:
        return "nothing that was tried is better than the profile as it is"
    return _gain(best, base)


def _gain(best: Trial, base: Trial) -> str:
    if base.result is None:
        return f"it can be laid out, the profile as it is can't: {base.failure}"
    if not base.holds:
        return f"it keeps every margin, which the profile as it is misses by {mib_up(base.missing):,} MiB"
    if best.task.experts and best.host_layers != base.host_layers:
        return f"{best.host_layers} whole layers on the host instead of {base.host_layers}"
    if best.host_weights != base.host_weights:
        amounts = [f"{mib_up(trial.host_weights):,} MiB" for trial in (best, base)]
        return f"{amounts[0]} of weights on the host instead of {amounts[1]}"
    if best.graph_splits != base.graph_splits:
        return f"{best.graph_splits} graph splits instead of {base.graph_splits}"
    return "more layers on the fastest GPU, or more memory left"
