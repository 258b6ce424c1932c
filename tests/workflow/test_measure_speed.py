"""bench against a fake server: what is asked, what is kept, and what becomes of a death."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from fakes import FakeDesk, FakeReporter, instance_of, rendered
from launcher.core.answers import Props
from launcher.core.bench import Bench
from launcher.core.errors import LauncherError, failure
from launcher.core.evidence import Evidence, Speed
from launcher.core.launch import Launch, Memory
from launcher.workflow.bench import Bencher, Watch, kept_speeds
from records import record

GIB = 1024**3
GLM = rendered("glm")


@dataclass
class Model:
    """A server that answers prompts of up to `strength` tokens; at the next one, `dies` happens."""

    strength: int = 10**9
    dies: Callable[[], None] = lambda: None
    asked: list[int] = field(default_factory=list)

    def props(self, url: str) -> Props:
        return Props(model_path="/models/glm.gguf", alias="glm", n_ctx=8192, slots=1, build="b1")

    def tokens(self, url: str, text: str) -> tuple[int, ...]:
        return tuple(map(len, text.split()))

    def speed(self, url: str, prompt: Sequence[int], *, answer_tokens: int, seconds: float) -> Speed:
        self.asked.append(len(prompt))
        if len(prompt) > self.strength:
            self.dies()
            raise failure("the server does not answer (ReadTimeout)")
        return Speed(
            prompt_tokens=len(prompt),
            answer_tokens=answer_tokens,
            prompt_per_second=900.0,
            answer_per_second=80.0,
        )


@dataclass
class Seen:
    lowest: Mapping[str, int]


@dataclass
class Kept:
    records: list[Evidence] = field(default_factory=list)

    def read(self) -> tuple[Evidence, ...]:
        return tuple(self.records)

    def append(self, record: Evidence) -> None:
        self.records.append(record)


@dataclass
class Scene:
    """A project folder whose server is healthy, and whose start left evidence."""

    model: Model = field(default_factory=Model)
    kept: Kept = field(default_factory=Kept)
    desk: FakeDesk = field(default_factory=FakeDesk)

    def __post_init__(self) -> None:
        self.desk.runtime.running = instance_of(GLM)
        self.desk.journal.memory = Memory(active=Launch(rendered=GLM, free={"GPU-1": 20 * GIB}))
        self.desk.witness.evidence = record()

    def bench(self, profile: str | None = None, lengths: tuple[int, ...] = ()) -> Bench:
        @contextmanager
        def watch() -> Iterator[Watch]:
            yield Seen({"GPU-1": 6 * GIB, "GPU-2": 1 * GIB})

        bencher = Bencher(
            world=self.desk.world,
            server=lambda profile: self.model,
            watch=watch,
            store=self.kept,
            now=lambda: 2000.0,
            seconds=60.0,
        )
        return bencher.run(profile, lengths, FakeReporter())

    def exit(self, *log: str) -> None:
        """The server ends, with these last words."""
        self.desk.runtime.running = instance_of(GLM, "exited", exit_code=1)
        self.desk.runtime.log = log


def test_short_and_long_prompts_are_measured_after_one_to_warm_up() -> None:
    scene = Scene()
    found = scene.bench()
    assert scene.model.asked == [128, 512, 4096, 8112]
    assert [speed.prompt_tokens for speed in found.speeds] == [512, 4096, 8112]
    assert (found.profile, found.plan_hash, found.n_ctx, found.failure) == ("glm", GLM.plan_hash, 8192, None)


def test_the_peak_is_what_was_free_less_than_before_the_start() -> None:
    assert Scene().bench().peak == {"GPU-1": 14 * GIB}


def test_speeds_are_kept_with_the_evidence_of_the_start() -> None:
    scene = Scene()
    found = scene.bench("glm", (128,))
    assert scene.kept.records == [replace(record(), at=2000.0, speeds=found.speeds, peak={"GPU-1": 14 * GIB})]


def test_without_evidence_of_the_start_nothing_is_kept() -> None:
    scene = Scene()
    scene.desk.witness.evidence = None
    assert scene.bench().speeds
    assert scene.kept.records == []


def test_a_server_that_dies_at_a_long_prompt_is_reported_as_that() -> None:
    scene = Scene()
    scene.model.strength = 4096
    scene.model.dies = lambda: scene.exit("CUDA error: out of memory")
    found = scene.bench()
    assert [speed.prompt_tokens for speed in found.speeds] == [512, 4096]
    assert found.failure is not None
    assert found.failure.startswith("the server died at a prompt of 8,112 tokens: ")
    assert "CUDA error: out of memory" in found.failure


def test_a_server_that_compose_restarted_has_died() -> None:
    scene = Scene()
    scene.model.strength = 1

    def restart() -> None:
        scene.desk.runtime.running = replace(instance_of(GLM, "starting"), started=99.0)

    scene.model.dies = restart
    assert "the server died at a prompt of 128 tokens" in (scene.bench().failure or "")


def test_a_server_that_was_removed_is_reported_as_that() -> None:
    scene = Scene()
    scene.model.strength = 1
    scene.model.dies = lambda: setattr(scene.desk.runtime, "running", None)
    assert scene.bench().failure == "the server was removed at a prompt of 128 tokens"


def test_a_prompt_that_fails_on_a_server_that_lives_says_what_the_server_said() -> None:
    scene = Scene()
    scene.model.strength = 600
    found = scene.bench()
    assert found.failure == "a prompt of 4,096 tokens failed: the server does not answer (ReadTimeout)"
    assert len(found.speeds) == 1


@pytest.mark.parametrize(("profile", "message"), [("other", "glm is running"), ("glm", "no server answers")])
def test_there_must_be_a_server_of_that_profile(profile: str, message: str) -> None:
    scene = Scene()
    if profile == "glm":
        scene.exit()
    with pytest.raises(LauncherError, match=message):
        scene.bench(profile)


def test_kept_speeds_are_the_last_ones_of_another_plan() -> None:
    def speeds(rate: float) -> tuple[Speed, ...]:
        return (Speed(prompt_tokens=512, answer_tokens=64, prompt_per_second=rate, answer_per_second=rate),)

    kept = Kept(
        [record(speeds=speeds(1)), record(plan_hash="new", speeds=speeds(2)), record(profile="other")]
    )
    assert kept_speeds(kept, "glm") == speeds(2)
    assert kept_speeds(kept, "glm", besides="new") == speeds(1)
    with pytest.raises(LauncherError, match="no speeds of other"):
        kept_speeds(kept, "other")
