"""What a search found: an order of its candidates, and what is recommended."""

from dataclasses import dataclass

from launcher.core.tune.runs import Run, by_speed, choice, why
from launcher.core.tune.trials import Trial, ranked, reason


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """trials: the first is the profile as it is. runs: of candidates that were also started; with any,
    their speed goes before what the dry runs say."""

    trials: tuple[Trial, ...]
    runs: tuple[Run, ...] = ()

    @property
    def order(self) -> list[Trial]:
        """Best first."""
        return by_speed(self.trials, self.runs) if self.runs else ranked(self.trials)

    @property
    def recommended(self) -> Trial | None:
        """None when nothing keeps every margin, or nothing that was started held out."""
        if self.runs:
            chosen = choice(self.runs, self.trials[0])
            return None if chosen is None else chosen.trial
        best = self.order[0]
        return best if best.holds else None

    @property
    def reason(self) -> str:
        """Why that is recommended rather than what the profile says, or nothing is."""
        return why(self.runs, self.trials[0]) if self.runs else reason(self.order[0], self.trials[0])

    def run(self, trial: Trial) -> Run | None:
        """What `trial` did as a server; None when it was not started."""
        return next((run for run in self.runs if run.trial is trial), None)
