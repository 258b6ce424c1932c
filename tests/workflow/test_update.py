"""update against fakes: what is tried, what is pinned, and what runs afterwards."""

from dataclasses import dataclass, field

import pytest

from fakes import FakeReporter, rendered
from launcher.core.bench import Bench
from launcher.core.errors import LauncherError, failure
from launcher.core.images import Lock, Pin
from launcher.core.launch import Launch
from launcher.workflow.update import Candidate, Update, Updater, choose

NAME = "registry/llama.cpp:server"
OLD, NEW = "registry/llama.cpp@sha256:1", "registry/llama.cpp@sha256:2"
RUNNING = Launch(rendered=rendered("glm"))


def candidate(
    profile: str, architecture: str = "llama", *, image: str = NAME, here: bool = True, holds: bool = True
) -> Candidate:
    return Candidate(profile=profile, image=image, architecture=architecture, here=here, holds=holds)


@dataclass
class Registry:
    """Images: what the name stands for, what is here, what was pulled."""

    digest: str = NEW
    local: str | None = OLD
    pulled: list[str] = field(default_factory=list)

    def newest(self, name: str) -> str:
        return self.digest

    def pull(self, digest: str) -> None:
        self.pulled.append(digest)

    def image_digest(self, reference: str) -> str | None:
        return self.local


@dataclass
class Store:
    lock: Lock = field(default_factory=lambda: Lock(pins={NAME: Pin(digest=OLD)}))

    def read(self) -> Lock:
        return self.lock

    def write(self, lock: Lock) -> None:
        self.lock = lock


@dataclass
class Tryout:
    """Servers that start unless their profile is in `broken`; those in `weak` die at a long prompt."""

    broken: set[str] = field(default_factory=set)
    weak: set[str] = field(default_factory=set)
    measured: list[tuple[str, str]] = field(default_factory=list)
    settled: tuple[Launch | None, str] | None = None

    def running(self) -> Launch | None:
        return RUNNING

    def measure(self, profile: str, lock: Lock) -> Bench:
        self.measured.append((profile, lock.image(NAME)))
        if profile in self.broken:
            raise failure("the server ended with code 1")
        died = "the server died at a prompt of 8,112 tokens" if profile in self.weak else None
        return Bench(profile=profile, plan_hash="", n_ctx=8192, speeds=(), failure=died)

    def settle(self, launch: Launch | None, lock: Lock) -> None:
        self.settled = (launch, lock.image(NAME))


@dataclass
class Scene:
    images: Registry = field(default_factory=Registry)
    store: Store = field(default_factory=Store)
    tryout: Tryout = field(default_factory=Tryout)

    @property
    def updater(self) -> Updater:
        return Updater(images=self.images, store=self.store, tryout=self.tryout)

    def update(self, *candidates: Candidate) -> Update:
        return self.updater.update(candidates or (candidate("glm"),), FakeReporter())


def test_a_newer_image_is_tried_and_pinned_and_what_ran_runs_from_it() -> None:
    scene = Scene()
    assert scene.update().kept
    assert scene.images.pulled == [NEW]
    assert scene.tryout.measured == [("glm", NEW)]
    assert scene.store.lock.pins == {NAME: Pin(digest=NEW, fallback=OLD)}
    assert scene.tryout.settled == (RUNNING, NEW)


@pytest.mark.parametrize(
    ("tryout", "said"),
    [
        (Tryout(broken={"glm"}), "the server ended with code 1"),
        (Tryout(weak={"glm"}), "the server died at a prompt of 8,112 tokens"),
    ],
)
def test_an_image_that_fails_changes_nothing_and_what_ran_runs_as_before(tryout: Tryout, said: str) -> None:
    scene = Scene(tryout=tryout)
    found = scene.update(candidate("glm"), candidate("qwen", "qwen3"))
    assert not found.kept
    assert [trial.failure for trial in found.trials] == [said]
    assert scene.store.lock == Store().lock
    assert tryout.settled == (RUNNING, OLD)


def test_nothing_newer_touches_nothing() -> None:
    scene = Scene(images=Registry(digest=OLD))
    assert scene.update().changed == ()
    assert (scene.images.pulled, scene.tryout.measured, scene.tryout.settled) == ([], [], None)


def test_the_first_update_falls_back_to_the_image_that_was_here() -> None:
    scene = Scene(store=Store(Lock()))
    scene.update()
    assert scene.store.lock.pins == {NAME: Pin(digest=NEW, fallback=OLD)}


def test_an_image_that_nothing_can_try_is_not_pinned() -> None:
    scene = Scene()
    with pytest.raises(LauncherError, match="nothing to try the new image with"):
        scene.update(candidate("far", here=False), candidate("large", holds=False))
    assert scene.store.lock == Store().lock
    assert scene.tryout.settled is None


def test_an_interrupt_leaves_what_ran_running_as_before() -> None:
    class Interrupted(Tryout):
        def measure(self, profile: str, lock: Lock) -> Bench:
            raise KeyboardInterrupt

    scene = Scene(tryout=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        scene.update()
    assert scene.tryout.settled == (RUNNING, OLD)
    assert scene.store.lock == Store().lock


def test_one_profile_of_each_architecture_and_image_is_chosen() -> None:
    first, same, other = candidate("a"), candidate("b"), candidate("c", "qwen3")
    elsewhere = candidate("d", image="other:image")
    chosen = choose((candidate("far", here=False), first, same, other, elsewhere), (NAME,))
    assert chosen == (first, other)


def test_a_rollback_pins_the_fallback() -> None:
    scene = Scene()
    scene.update()
    assert scene.updater.rollback().image(NAME) == OLD
    assert scene.store.lock.image(NAME) == OLD
