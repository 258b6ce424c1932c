"""Candidates as servers: each is started, measured and stopped; one that fails is no end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from fakes import FakeDesk, rendered
from launcher.core.answers import Props
from launcher.core.errors import UsageError, failure
from launcher.core.evidence import Evidence, Speed
from launcher.core.launch import Memory
from launcher.core.tune import Run, Trial
from launcher.workflow.bench import Bencher, Watch
from launcher.workflow.measure import Measurer
from launcher.workflow.up import Prepare
from tuning import tried

GIB = 1024**3


class Model:
    """A server that answers prompts of up to 100 tokens."""

    def props(self, url: str) -> Props:
        return Props(model_path="/models/x.gguf", alias="x", n_ctx=4096, slots=1, build="b1")

    def tokens(self, url: str, text: str) -> tuple[int, ...]:
        return (1, 2, 3)

    def speed(self, url: str, prompt: Sequence[int], *, answer_tokens: int, seconds: float) -> Speed:
        if len(prompt) > 100:
            raise failure("the server does not answer (ReadTimeout)")
        return Speed(
            prompt_tokens=len(prompt),
            answer_tokens=answer_tokens,
            prompt_per_second=900.0,
            answer_per_second=80.0,
        )


@dataclass
class Nothing:
    """A Watch that sees no GPU, and a store that keeps nothing."""

    lowest: dict[str, int] = field(default_factory=dict)

    def read(self) -> tuple[Evidence, ...]:
        return ()

    def append(self, record: Evidence) -> None:
        return None


@dataclass
class Scene:
    """Candidates are started under their own names, so that one can be `broken`."""

    desk: FakeDesk = field(default_factory=FakeDesk)

    def measure(self, *abouts: str, lengths: tuple[int, ...] = (64,)) -> tuple[Run, ...]:
        @contextmanager
        def watch() -> Iterator[Watch]:
            yield Nothing()

        bencher = Bencher(
            world=self.desk.world,
            server=lambda profile: Model(),
            watch=watch,
            store=Nothing(),
            now=lambda: 2000.0,
            seconds=60.0,
        )
        measurer = Measurer(prepare=self._prepare, bencher=bencher, timeout=60.0)
        return measurer.measure([tried(about) for about in abouts], lengths, self.desk.report)

    def _prepare(self, trial: Trial) -> Prepare:
        return lambda free: rendered(trial.candidate.about)


def test_each_is_started_measured_and_stopped() -> None:
    scene = Scene()
    runs = scene.measure("a", "b")
    assert scene.desk.runtime.events == ["start a", "stop a", "start b", "stop b"]
    assert [run.trial.candidate.about for run in runs] == ["a", "b"]
    assert [run.seconds for run in runs] == [pytest.approx(2.0, abs=0.1)] * 2
    assert [[speed.prompt_tokens for speed in run.speeds] for run in runs] == [[64], [64]]
    assert scene.desk.journal.memory == Memory()
    assert "candidate 2 of 2: b" in scene.desk.report.said


def test_one_that_does_not_become_healthy_says_why_and_the_rest_go_on() -> None:
    scene = Scene()
    scene.desk.runtime.broken = {"a"}
    scene.desk.runtime.log = ("error loading model: unknown model architecture: 'nova'",)
    first, second = scene.measure("a", "b")
    assert (first.seconds, first.speeds) == (None, ())
    assert "nova" in (first.failure or "")
    assert second.failure is None
    assert scene.desk.runtime.events == ["start a", "stop a", "start b", "stop b"]


def test_one_that_fails_at_a_prompt_keeps_the_speeds_before_it() -> None:
    (run,) = Scene().measure("a", lengths=(64, 512))
    assert [speed.prompt_tokens for speed in run.speeds] == [64]
    assert run.failure == "a prompt of 512 tokens failed: the server does not answer (ReadTimeout)"


def test_a_prompt_beyond_the_context_ends_it_and_leaves_nothing_running() -> None:
    scene = Scene()
    with pytest.raises(UsageError, match="do not fit in a context of 4,096"):
        scene.measure("a", lengths=(5000,))
    assert scene.desk.runtime.running is None


def test_an_interrupt_leaves_nothing_running() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    scene = Scene()
    scene.desk.clock.at[1.0] = interrupt
    with pytest.raises(KeyboardInterrupt):
        scene.measure("a", "b")
    assert scene.desk.runtime.events == ["start a", "stop a"]


def test_the_next_one_waits_for_the_gpu_memory_of_the_last() -> None:
    scene = Scene()
    desk = scene.desk
    desk.free = {"GPU-1": 20 * GIB}
    desk.clock.at[1.0] = lambda: desk.free.update({"GPU-1": 5 * GIB})
    desk.clock.at[4.0] = lambda: desk.free.update({"GPU-1": 20 * GIB})
    scene.measure("a", "b")
    assert desk.runtime.ready_at - desk.runtime.load_seconds >= 4.0
