"""``launcher tune --bench``: the best candidates, started on this computer and measured."""

from dataclasses import dataclass, replace

from launcher.cli.bench import START_SECONDS
from launcher.cli.machines import DETECT, observed_machine
from launcher.cli.options import Workspace
from launcher.cli.tune import Search
from launcher.cli.world import LaunchSite
from launcher.console import Progress
from launcher.console.launch import Teller
from launcher.core.errors import failure, misuse
from launcher.core.tune import Trial, Tuning, few
from launcher.core.tune.report import settings
from launcher.workflow.aside import aside
from launcher.workflow.measure import Measurer
from launcher.workflow.up import Prepare


def at_hand(space: Workspace) -> Workspace:
    """`space` with this computer as it is now for its machine; raises UsageError for another machine,
    whose GPUs could only be simulated."""
    for name in space.machines:
        here = observed_machine().name
        if name not in (DETECT, here):
            raise misuse(
                f"this is {here}: the GPUs of {name} can only be simulated, and nothing runs on those",
                where="--bench",
                hint="leave --machine out, or run this on that machine",
            )
    return replace(space, machines=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """lengths: of the prompts in tokens, none for the default. timeout: seconds for each of them."""

    search: Search
    lengths: tuple[int, ...]
    timeout: float

    def run(self, teller: Teller, progress: Progress) -> tuple[Tuning, bool]:
        """Search while the machine is free, then start the best. Also whether the server that ran before
        came back.

        Raises LauncherError, with nothing stopped, where the model is not here.
        """
        site = LaunchSite(self.search.space, progress.say)
        site.require_model(site.project.profile(self.search.profile))
        with aside(site.world, teller, purpose="tune --bench", timeout=START_SECONDS) as absence:
            found = self.search.run(progress)
            if len(found.trials) == 1:
                raise failure(
                    "there is nothing to compare the profile with: no candidate but itself",
                    where=f"[{self.search.profile}]",
                    hint="--cache-type or a larger --budget adds some; launcher bench measures it alone",
                )
            measurer = Measurer(
                prepare=lambda trial: self._prepare(site, trial),
                bencher=replace(site.bencher(self.timeout), world=absence.world),
                timeout=START_SECONDS,
            )
            runs = measurer.measure(few(found.trials), self.lengths, teller)
        return replace(found, runs=runs), absence.back

    def _prepare(self, site: LaunchSite, trial: Trial) -> Prepare:
        """What --apply and `up` would start; the engine, not the estimate, says that it fits."""
        changes = {key: value or "" for key, value in settings(trial).items()}
        return site.preparation(self.search.profile, runtime=None, force=True, changes=changes)
