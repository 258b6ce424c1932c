"""Candidates as real servers: which ones to start, and which was fastest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from launcher.core.evidence import Speed
from launcher.core.ledger import Usage
from launcher.core.tune.trials import Trial, ranked

FEW = 3
"""Candidates that are started beside the profile as it is."""

NOISE = 1.03
"""Times as fast that a candidate has to be for the profile to be changed for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A candidate that was started.

    seconds: until it answered, None when it never did. speeds: by prompt length; those after a
    failure are missing. peak: most bytes in use at once by GPU key. failure: what went wrong, with
    the diagnosis.
    """

    trial: Trial
    seconds: float | None = None
    speeds: tuple[Speed, ...] = ()
    peak: Mapping[str, int] = field(default_factory=dict)
    failure: str | None = None

    @property
    def speed(self) -> float:
        """Geometric mean of all measured tokens per second, prompts and answers alike; 0 when one of
        them is missing."""
        rates = [rate for each in self.speeds for rate in (each.prompt_per_second, each.answer_per_second)]
        return 0.0 if self.failure or not rates else prod(rates) ** (1 / len(rates))


def few(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """What is worth starting, best first: the profile as it is, and the best others.

    Of those that keep every margin with the largest context that any of them has; none that lies
    just as another does.
    """
    base = trials[0]
    holding = [trial for trial in ranked(trials) if trial.holds]
    n_ctx = max((trial.n_ctx for trial in holding), default=0)
    wanted = [trial for trial in holding if trial.n_ctx == n_ctx]
    distinct: dict[object, Trial] = {}
    for trial in sorted(wanted, key=lambda trial: trial is not base):
        distinct.setdefault(_lies(trial), trial)
    found = list(distinct.values())[: FEW + (base in wanted)]
    return tuple(trial for trial in wanted if trial in found)


def _lies(trial: Trial) -> tuple[tuple[tuple[str, Usage], ...], int | None]:
    """Where everything lies: what makes a difference to the server's speed."""
    lines = trial.result.fitted_ledger.devices if trial.result else ()
    return tuple((line.name, line.usage) for line in lines), trial.graph_splits


def by_speed(trials: Sequence[Trial], runs: Sequence[Run]) -> list[Trial]:
    """All trials: those that were started by their speed, then the rest as the dry runs rank them, and
    last those that were started and failed."""

    def rank(trial: Trial) -> tuple[bool, float]:
        speed = next((run.speed for run in runs if run.trial is trial), None)
        return speed == 0, -(speed or 0)

    return sorted(ranked(trials), key=rank)


def choice(runs: Sequence[Run], base: Trial) -> Run | None:
    """What to recommend: the fastest, but the profile as it is where that is about as fast. None when
    no candidate answered every prompt."""
    best = max(runs, key=lambda run: run.speed)
    own = next((run for run in runs if run.trial is base), None)
    if own and own.speed and best.speed < NOISE * own.speed:
        return own
    return best if best.speed else None


def why(runs: Sequence[Run], base: Trial) -> str:
    """Why `choice` is what it is."""
    chosen = choice(runs, base)
    if chosen is None:
        return "no candidate that was started answered every prompt"
    what = f"of {len(runs)} that were started"
    if chosen.trial is base:
        return f"{what}, none is more than {NOISE - 1:.0%} faster than the profile as it is"
    own = next((run for run in runs if run.trial is base and run.speed), None)
    if own is None:
        return f"{what}, it is the fastest; the profile as it is did not run"
    return f"{what}, it is the fastest: {'; '.join(_gains(own, chosen))}"


def _gains(before: Run, after: Run) -> Iterator[str]:
    first = {speed.prompt_tokens: speed for speed in before.speeds}
    for speed in after.speeds:
        own = first.get(speed.prompt_tokens)
        if own:
            prompt = speed.prompt_per_second / own.prompt_per_second
            answer = speed.answer_per_second / own.answer_per_second
            yield f"prompt of {speed.prompt_tokens:,} tokens {prompt:.2f}x, answer {answer:.2f}x"
