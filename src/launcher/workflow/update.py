"""``update``: a newer image, tried before it is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from launcher.core.bench import Bench
from launcher.core.errors import LauncherError, failure
from launcher.core.images import Lock
from launcher.core.launch import Launch
from launcher.workflow.world import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A profile that the new image could be tried with. image: by the name that the profile gives it.

    here: its model's file is in the models folder. holds: it passes the check on this machine.
    """

    profile: str
    image: str
    architecture: str | None
    here: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A profile that was started from a new image and given long prompts; no failure is a pass."""

    profile: str
    architecture: str | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What became of it. changed: names of the images that have something newer. kept: it was pinned."""

    lock: Lock
    changed: tuple[str, ...]
    trials: tuple[Trial, ...] = ()

    @property
    def kept(self) -> bool:
        return all(trial.failure is None for trial in self.trials)


class Images(Protocol):
    """The images of this computer and of the registries they come from; raises LauncherError."""

    def newest(self, name: str) -> str:
        """The digest (``REPOSITORY@sha256:...``) that `name` stands for in its registry now."""

    def pull(self, digest: str) -> None: ...

    def image_digest(self, reference: str) -> str | None: ...


class LockStore(Protocol):
    def read(self) -> Lock: ...

    def write(self, lock: Lock) -> None: ...


class Tryout(Protocol):
    """Starts profiles from the images of a lock; raises LauncherError."""

    def running(self) -> Launch | None:
        """What is up."""

    def measure(self, profile: str, lock: Lock) -> Bench:
        """Start it, and give it short and long prompts."""

    def settle(self, launch: Launch | None, lock: Lock) -> None:
        """Leave the profile of this launch running, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updater:
    """What an update needs."""

    images: Images
    store: LockStore
    tryout: Tryout

    def update(self, candidates: Sequence[Candidate], report: Reporter) -> Update:
        """Get newer images, try them with a profile of each architecture, and pin them if all went well.

        What ran before runs again afterwards. Raises LauncherError, with nothing changed, when nothing
        newer can be had or there is nothing to try it with.
        """
        before = self.store.read()
        lock = self._newer(before, dict.fromkeys(each.image for each in candidates), report)
        changed = tuple(name for name in lock.pins if lock.pins[name] != before.pins.get(name))
        if not changed:
            return Update(lock=before, changed=())
        chosen = choose(candidates, changed)
        if not chosen:
            raise failure(
                "nothing to try the new image with: no profile that fits has its model here",
                hint="put a model into the models folder, or name it: --models-dir",
            )
        trials = self._trials(chosen, lock, before, report)
        found = Update(lock=lock, changed=changed, trials=trials)
        if found.kept:
            self.store.write(lock)
        return found

    def rollback(self) -> Lock:
        """Pin what was pinned before the last update; raises UsageError when there is nothing."""
        lock = self.store.read().rolled_back()
        self.store.write(lock)
        return lock

    def _newer(self, lock: Lock, names: Iterable[str], report: Reporter) -> Lock:
        for name in names:
            report.say(f"asking for {name}")
            digest = self.images.newest(name)
            if lock.image(name) == digest:
                continue
            local = self.images.image_digest(name)
            report.say(f"getting {digest}")
            self.images.pull(digest)
            lock = lock.moved(name, digest, local if local != digest else None)
        return lock

    def _trials(
        self, chosen: Sequence[Candidate], lock: Lock, before: Lock, report: Reporter
    ) -> tuple[Trial, ...]:
        """Up to the first failure; then what ran before runs again."""
        running = self.tryout.running()
        trials: list[Trial] = []
        try:
            for each in chosen:
                report.say(f"trying {each.profile} ({each.architecture})")
                trials.append(self._trial(each, lock))
                if trials[-1].failure:
                    break
        finally:
            good = len(trials) == len(chosen) and trials[-1].failure is None
            self.tryout.settle(running, lock if good else before)
        return tuple(trials)

    def _trial(self, candidate: Candidate, lock: Lock) -> Trial:
        try:
            failed = self.tryout.measure(candidate.profile, lock).failure
        except LauncherError as error:
            failed = str(error.problems[0].what)
        return Trial(profile=candidate.profile, architecture=candidate.architecture, failure=failed)


def choose(candidates: Sequence[Candidate], images: Sequence[str]) -> tuple[Candidate, ...]:
    """The first profile of each architecture and image whose model is here and that holds."""
    chosen: dict[tuple[str, str | None], Candidate] = {}
    for each in candidates:
        if each.image in images and each.here and each.holds:
            chosen.setdefault((each.image, each.architecture), each)
    return tuple(chosen.values())
