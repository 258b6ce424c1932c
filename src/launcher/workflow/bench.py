"""``bench``: how fast the running server is, and what long prompts cost."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from launcher.core.answers import Props
from launcher.core.bench import ANSWER_TOKENS, Bench, prompt, prompt_lengths
from launcher.core.diagnosis import diagnose
from launcher.core.errors import LauncherError, failure
from launcher.core.evidence import Speed
from launcher.core.launch import Instance
from launcher.workflow.evidence import EvidenceStore
from launcher.workflow.servers import find
from launcher.workflow.world import Reporter, World

TEXT = """The memory of a machine is small, and what we ask of it is large. A table tells how much lies \
where; a plan tells how much will. When both agree, nobody has to wait for a server that can't start. """
WARM_UP_TOKENS, WARM_UP_ANSWER = 128, 8
DEATH_SECONDS = 5.0
POLL_SECONDS = 0.25
LOG_TAIL = 60


class Prompted(Protocol):
    """A server that answers prompts; every method raises LauncherError."""

    def props(self, url: str) -> Props: ...

    def tokens(self, url: str, text: str) -> tuple[int, ...]: ...

    def speed(self, url: str, prompt: Sequence[int], *, answer_tokens: int, seconds: float) -> Speed:
        """Of an answer of so many tokens; given up after `seconds`."""


class Watch(Protocol):
    """Looks at free memory again and again while it is entered."""

    @property
    def lowest(self) -> Mapping[str, int]:
        """The fewest free bytes of each GPU by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bencher:
    """What measuring needs. server: the client for the server of a profile. watch: makes a
    Watch for one run. now: seconds since the epoch.

    seconds: how long one prompt may take.
    """

    world: World
    server: Callable[[str], Prompted]
    watch: Callable[[], AbstractContextManager[Watch]]
    store: EvidenceStore
    now: Callable[[], float]
    seconds: float

    def run(self, profile: str | None, lengths: Sequence[int], report: Reporter) -> Bench:
        """Measure the running server, and keep its speeds with the evidence of its start.

        A server that dies on the way is a `failure` in the result. Raises LauncherError when there is
        none, or another profile's.
        """
        instance = self._running(profile)
        server = self.server(instance.profile)
        n_ctx = server.props(instance.url).n_ctx
        wanted = prompt_lengths(lengths, n_ctx)
        with self.watch() as watch:
            speeds, failed = self._speeds(server, instance, wanted, report)
        found = Bench(
            profile=instance.profile,
            plan_hash=instance.plan_hash,
            n_ctx=n_ctx,
            speeds=speeds,
            peak=self._peak(watch.lowest),
            failure=failed,
        )
        self._keep(instance, found)
        return found

    def _running(self, profile: str | None) -> Instance:
        instance = find(self.world, self.world.journal.read())
        if instance is None or instance.state != "healthy":
            raise failure("no server answers here", hint=f"launcher up {profile or 'PROFILE'}")
        if profile not in (None, instance.profile):
            raise failure(f"{instance.profile} is running", hint=f"launcher up {profile}")
        return instance

    def _speeds(
        self, server: Prompted, instance: Instance, lengths: Sequence[int], report: Reporter
    ) -> tuple[tuple[Speed, ...], str | None]:
        """Speeds up to the first prompt that failed, and why that did.

        A short prompt goes before them, unmeasured: the first one also waits for kernels to be loaded.
        """
        words = server.tokens(instance.url, TEXT)
        warm_up = min(WARM_UP_TOKENS, lengths[0])
        speeds: list[Speed] = []
        for length, answer in ((warm_up, WARM_UP_ANSWER), *((each, ANSWER_TOKENS) for each in lengths)):
            what = f"a prompt of {length:,} tokens" if answer == ANSWER_TOKENS else "warming up"
            report.say(f"{instance.profile}: {what}")
            tokens = prompt(words, length)
            try:
                speeds.append(server.speed(instance.url, tokens, answer_tokens=answer, seconds=self.seconds))
            except LauncherError as error:
                return tuple(speeds[1:]), self._failure(instance, length, error)
        return tuple(speeds[1:]), None

    def _failure(self, before: Instance, length: int, error: LauncherError) -> str:
        """What became of the server, or what it said, when a prompt failed."""
        what = f"a prompt of {length:,} tokens"
        now = self._after_death(before)
        if now is before:
            return f"{what} failed: {error.problems[0].what}"
        if now is None:
            return f"the server was removed at {what}"
        cause = diagnose(self._last_words(before), now.exit_code)
        return "\n  ".join((f"the server died at {what}: {cause.what}", *cause.lines))

    def _last_words(self, instance: Instance) -> tuple[str, ...]:
        """None when the server is being removed."""
        try:
            return tuple(self.world.runtimes[instance.runtime].logs(tail=LOG_TAIL))
        except LauncherError:
            return ()

    def _after_death(self, before: Instance) -> Instance | None:
        """The server once it is seen to have ended or to be another process; `before` if it lives on."""
        clock = self.world.clock
        deadline = clock.monotonic() + DEATH_SECONDS
        while clock.monotonic() < deadline:
            now = self.world.runtimes[before.runtime].instance()
            if now is None or now.state == "exited" or now.started != before.started:
                return now
            clock.sleep(POLL_SECONDS)
        return before

    def _peak(self, lowest: Mapping[str, int]) -> Mapping[str, int]:
        active = self.world.journal.read().active
        before = active.free if active else {}
        return {gpu: max(0, before[gpu] - free) for gpu, free in lowest.items() if gpu in before}

    def _keep(self, instance: Instance, found: Bench) -> None:
        record = self.world.witness().recall(instance)
        if record and found.speeds:
            self.store.append(replace(record, at=self.now(), speeds=found.speeds, peak=found.peak))


def kept_speeds(store: EvidenceStore, profile: str, besides: str | None = None) -> tuple[Speed, ...]:
    """The last speeds of `profile`, of another plan than `besides`; raises LauncherError without any."""
    for record in reversed(store.read()):
        if record.profile == profile and record.speeds and record.plan_hash != besides:
            return record.speeds
    raise failure(f"no speeds of {profile} were kept", hint=f"launcher up {profile}; launcher bench")
