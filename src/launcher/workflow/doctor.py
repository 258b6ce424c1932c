"""doctor: look at everything that starting a server needs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from launcher.core.doctor import Engine, Facts, Folder, Image, PortUse, wanted_images
from launcher.core.errors import LauncherError, Problem
from launcher.core.hardware import Hardware
from launcher.core.images import Lock
from launcher.core.launch import Instance
from launcher.workflow.world import Ports

T = TypeVar("T")

NVIDIA_RUNTIME = "nvidia"


class Docker(Protocol):
    """The engine. Every method raises LauncherError when it does not answer."""

    def version(self) -> str: ...

    def runtimes(self) -> Collection[str]: ...

    def cdi_folders(self) -> Sequence[str]: ...

    def data_root(self) -> str: ...

    def image_digest(self, reference: str) -> str | None: ...


class Compose(Protocol):
    def version(self) -> str: ...


class Computer(Protocol):
    """What is installed, and the folders."""

    def folder(self, path: str) -> Folder: ...

    def has_package(self, name: str) -> bool: ...

    def compiler(self) -> str | None: ...

    def has_nvidia_hook(self) -> bool: ...

    def has_nvidia_cdi(self, folders: Sequence[str]) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The edges that doctor looks through. hardware: looks at the GPUs. servers: looks for
    the launcher's servers, whatever their state. Both raise LauncherError when they can't be seen."""

    docker: Docker
    compose: Compose
    hardware: Callable[[], Hardware]
    computer: Computer
    ports: Ports
    servers: Callable[[], tuple[Instance, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the project needs; what is wrong with its files.

    images: names that its profiles give, None is the official one. lock: where those are pinned.
    """

    models_dir: str
    images: tuple[str | None, ...] = ()
    lock: Lock = field(default_factory=Lock)
    compose_file: Problem | None = None
    addresses: tuple[tuple[str, int], ...] = ()
    conf: tuple[Problem, ...] = ()


def observe(around: Surroundings, wanted: Wanted) -> Facts:
    """Look at everything once. What can't be looked at is a Problem among the facts."""
    hardware = seen(around.hardware)
    servers = seen(around.servers)
    return Facts(
        engine=seen(lambda: _engine(around, wanted_images(wanted.images, wanted.lock, hardware))),
        compose=seen(around.compose.version),
        hardware=hardware,
        conf=wanted.conf,
        compose_file=wanted.compose_file,
        models=around.computer.folder(wanted.models_dir),
        ports=tuple(
            PortUse(bind=bind, port=port, holder=around.ports.holder(bind, port))
            for bind, port in wanted.addresses
        ),
        servers=() if isinstance(servers, Problem) else tuple(filter(_holds_its_port, servers)),
        embedded=around.computer.has_package("xllamacpp"),
        compiler=around.computer.compiler(),
    )


def seen(look: Callable[[], T]) -> T | Problem:
    """What `look` returns, or the first problem that it raises."""
    try:
        return look()
    except LauncherError as error:
        return error.problems[0]


def _holds_its_port(server: Instance) -> bool:
    return server.state != "exited"


def _engine(around: Surroundings, images: Mapping[str, str]) -> Engine:
    docker, computer = around.docker, around.computer
    root = computer.folder(docker.data_root())
    return Engine(
        version=docker.version(),
        gpu_access=tuple(_gpu_access(docker, computer)),
        images=tuple(
            Image(name=name, reference=reference, here=docker.image_digest(reference) is not None)
            for name, reference in images.items()
        ),
        data_root=root if root.exists else None,
    )


def _gpu_access(docker: Docker, computer: Computer) -> list[str]:
    """By NVIDIA's runtime or its hook, which the engine finds by itself, or by CDI."""
    ways = {
        "NVIDIA's runtime": NVIDIA_RUNTIME in docker.runtimes() or computer.has_nvidia_hook(),
        "CDI": computer.has_nvidia_cdi(docker.cdi_folders()),
    }
    return [way for way, there in ways.items() if there]
