"""Candidates of a search as real servers: started, measured and stopped, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launcher.core.bench import Bench
from launcher.core.errors import LauncherError, UsageError
from launcher.core.launch import Memory
from launcher.core.tune import Run, Trial
from launcher.workflow.bench import Bencher
from launcher.workflow.servers import find
from launcher.workflow.up import Prepare, stop, up
from launcher.workflow.world import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurer:
    """prepare: what starts a candidate. bencher: in whose world it is started, while nothing else runs
    there. timeout: seconds until a candidate has to answer."""

    prepare: Callable[[Trial], Prepare]
    bencher: Bencher
    timeout: float

    def measure(self, trials: Sequence[Trial], lengths: Sequence[int], report: Reporter) -> tuple[Run, ...]:
        """A run of each; one that does not become healthy, or dies, says why, and the rest go on.

        Raises UsageError for a prompt that is longer than the context.
        """
        runs = []
        for number, trial in enumerate(trials, 1):
            report.say(f"candidate {number} of {len(trials)}: {trial.candidate.about}")
            try:
                runs.append(self._run(trial, lengths, report))
            finally:
                self._stop(report)
        return tuple(runs)

    def _run(self, trial: Trial, lengths: Sequence[int], report: Reporter) -> Run:
        try:
            outcome = up(self.bencher.world, self.prepare(trial), report, timeout=self.timeout)
        except LauncherError as error:
            return Run(trial=trial, failure=_words(error))
        try:
            found = self.bencher.run(outcome.rendered.profile, lengths, report)
        except UsageError:
            raise
        except LauncherError as error:
            return Run(trial=trial, seconds=outcome.seconds, failure=_words(error))
        return _measured(trial, outcome.seconds, found)

    def _stop(self, report: Reporter) -> None:
        world = self.bencher.world
        memory = world.journal.read()
        stop(world, report, find(world, memory), memory.active.free if memory.active else {})
        world.journal.write(Memory())


def _measured(trial: Trial, seconds: float, found: Bench) -> Run:
    return Run(trial=trial, seconds=seconds, speeds=found.speeds, peak=found.peak, failure=found.failure)


def _words(error: LauncherError) -> str:
    return "\n".join(map(str, error.problems))
