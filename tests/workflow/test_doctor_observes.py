"""doctor looks at everything, and goes on where looking fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from launcher.core.doctor import Engine, Folder, Image, PortUse
from launcher.core.errors import Problem, failure
from launcher.core.hardware import Hardware, HostMemory, ObservedGpu
from launcher.core.launch import Instance, State
from launcher.core.machine import Gpu
from launcher.workflow.doctor import Surroundings, Wanted, observe

CARD = Gpu(name="RTX 4090", total=24, free=23)
STATES: tuple[State, ...] = ("starting", "exited")
HARDWARE = Hardware(host_name="desk", host=HostMemory(), gpus=(ObservedGpu(gpu=CARD),))


@dataclass
class FakeDocker:
    names: tuple[str, ...] = ("runc",)
    cdi: tuple[str, ...] = ()
    answers: bool = True

    def version(self) -> str:
        if not self.answers:
            raise failure("the Docker daemon does not answer", hint="start it")
        return "28.2.2"

    def runtimes(self) -> Sequence[str]:
        return self.names

    def cdi_folders(self) -> Sequence[str]:
        return self.cdi

    def data_root(self) -> str:
        return "/elsewhere"

    def image_digest(self, reference: str) -> str | None:
        return "sha256:1" if reference.endswith(":server-cuda") else None


class FakeCompose:
    def version(self) -> str:
        return "2.40.0"


def broken() -> Hardware:
    raise failure("NVML: Driver/library version mismatch", hint="reboot")


@dataclass
class FakeComputer:
    hook: bool = False

    def folder(self, path: str) -> Folder:
        return Folder(path=path, exists=path == "/models", readable=True)

    def has_package(self, name: str) -> bool:
        return name == "xllamacpp"

    def compiler(self) -> str | None:
        return None

    def has_nvidia_hook(self) -> bool:
        return self.hook

    def has_nvidia_cdi(self, folders: Sequence[str]) -> bool:
        return "/etc/cdi" in folders


class FakePorts:
    def holder(self, bind: str, port: int) -> str | None:
        return "nginx" if port == 80 else None


def surroundings(
    docker: FakeDocker | None = None,
    hardware: Callable[[], Hardware] = lambda: HARDWARE,
    computer: FakeComputer | None = None,
    servers: tuple[Instance, ...] = (),
) -> Surroundings:
    return Surroundings(
        docker=docker or FakeDocker(),
        compose=FakeCompose(),
        hardware=hardware,
        computer=computer or FakeComputer(),
        ports=FakePorts(),
        servers=lambda: servers,
    )


WANTED = Wanted(models_dir="/models", addresses=(("127.0.0.1", 80), ("127.0.0.1", 8080)))


def test_what_is_seen_becomes_facts() -> None:
    facts = observe(surroundings(), WANTED)
    name = "ghcr.io/ggml-org/llama.cpp:server-cuda"
    images = (Image(name=name, reference=name, here=True),)
    assert facts.engine == Engine(version="28.2.2", gpu_access=(), images=images, data_root=None)
    assert (facts.compose, facts.hardware) == ("2.40.0", HARDWARE)
    assert facts.models == Folder(path="/models", exists=True, readable=True)
    assert facts.ports == (
        PortUse(bind="127.0.0.1", port=80, holder="nginx"),
        PortUse(bind="127.0.0.1", port=8080, holder=None),
    )
    assert (facts.embedded, facts.compiler) == (True, None)


@pytest.mark.parametrize(
    ("docker", "computer", "ways"),
    [
        (FakeDocker(names=("runc", "nvidia")), FakeComputer(), ("NVIDIA's runtime",)),
        (FakeDocker(), FakeComputer(hook=True), ("NVIDIA's runtime",)),
        (FakeDocker(cdi=("/etc/cdi",)), FakeComputer(), ("CDI",)),
        (FakeDocker(names=("nvidia",), cdi=("/etc/cdi",)), FakeComputer(), ("NVIDIA's runtime", "CDI")),
        (FakeDocker(cdi=("/other",)), FakeComputer(), ()),
    ],
)
def test_the_ways_of_gpus_into_containers(
    docker: FakeDocker, computer: FakeComputer, ways: tuple[str, ...]
) -> None:
    engine = observe(surroundings(docker, computer=computer), WANTED).engine
    assert isinstance(engine, Engine)
    assert engine.gpu_access == ways


def test_what_fails_is_a_problem_and_the_rest_is_still_looked_at() -> None:
    facts = observe(surroundings(FakeDocker(answers=False), broken), WANTED)
    assert facts.engine == Problem(what="the Docker daemon does not answer", hint="start it")
    assert facts.hardware == Problem(what="NVML: Driver/library version mismatch", hint="reboot")
    assert facts.compose == "2.40.0"


def test_a_server_that_has_exited_holds_no_port() -> None:
    alive, dead = (
        Instance(id=state, profile="a", runtime="compose", plan_hash="", state=state, url="")
        for state in STATES
    )
    assert observe(surroundings(servers=(alive, dead)), WANTED).servers == (alive,)
