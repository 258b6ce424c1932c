"""Whether this computer can start servers: what was seen, judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from launcher.core.errors import Problem
from launcher.core.hardware import Hardware
from launcher.core.images import Lock
from launcher.core.launch import Instance
from launcher.core.profiles import RuntimeName
from launcher.core.render import COMPOSE_FILE
from launcher.core.units import GIB
from launcher.core.visibility import official_image

Level = Literal["ok", "warning", "problem"]
Version = tuple[int, int]

IMAGE_CUDA: Version = (12, 8)
"""What the official image server-cuda is built with: .devops/cuda.Dockerfile (build 11160)."""
IMAGE_CUDA_DRIVER = 570
"""The first driver with CUDA 12.8: CUDA Toolkit release notes, "CUDA Toolkit and Corresponding Driver
Versions"."""
TESTED_ENGINE: Version = (20, 10)
TESTED_COMPOSE: Version = (2, 26)
IMAGE_SPACE = 10 * GIB
"""Room for a GPU image, packed and unpacked: an assumption on the safe side."""

UPDATE_DRIVER = f"update the NVIDIA driver to {IMAGE_CUDA_DRIVER} or newer, or set IMAGE to an older image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder. free: bytes left on its file system, None is unknown."""

    path: str
    exists: bool
    readable: bool
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortUse:
    """A port that profiles want. holder: who has it, in words."""

    bind: str
    port: int
    holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that servers are started from. name: as profiles give it. reference: the name, or the digest
    that it is pinned to. here: whether it is there already."""

    name: str
    reference: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The Docker engine. gpu_access: the ways by which NVIDIA GPUs get into its containers. images: those
    that profiles want. data_root: where it keeps images, None where that can't be seen."""

    version: str
    gpu_access: tuple[str, ...]
    images: tuple[Image, ...]
    data_root: Folder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen. A Problem stands where looking failed.

    conf: what is wrong with models.conf. compose_file: what is wrong with docker-compose.yml.
    servers: those of the launcher that run.
    embedded: whether the package xllamacpp is installed.
    """

    engine: Engine | Problem
    compose: str | Problem
    hardware: Hardware | Problem
    conf: tuple[Problem, ...]
    compose_file: Problem | None
    models: Folder
    ports: tuple[PortUse, ...]
    servers: tuple[Instance, ...]
    embedded: bool
    compiler: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. A problem keeps servers from starting; a warning does not."""

    name: str
    level: Level
    what: str
    hint: str | None = None


def examine(facts: Facts, runtime: RuntimeName) -> tuple[Check, ...]:
    """Every check, in the order in which a start depends on them.

    What only the other runtime needs is no problem for `runtime`.
    """
    checks = [*_docker(facts), *_gpus(facts)] if runtime == "compose" else []
    return (*checks, *_project(facts), _embedded(facts, runtime), _compiler(facts))


def _docker(facts: Facts) -> Iterator[Check]:
    engine, compose = facts.engine, facts.compose
    if isinstance(engine, Problem):
        yield _failed("Docker engine", engine)
    else:
        yield _version("Docker engine", engine.version, TESTED_ENGINE)
        yield from (_image(image, engine.data_root) for image in engine.images)
    if isinstance(compose, Problem):
        yield _failed("Docker Compose", compose)
    else:
        yield _version("Docker Compose", compose, TESTED_COMPOSE)
    if facts.compose_file:
        yield _failed(COMPOSE_FILE, facts.compose_file)
    else:
        yield Check(name=COMPOSE_FILE, level="ok", what="starts what this launcher renders")


def _version(name: str, version: str, tested: Version) -> Check:
    found = _leading(version)
    if found is not None and found < tested:
        oldest = ".".join(map(str, tested))
        hint = f"if it fails, update it: the oldest that the launcher is tested with is {oldest}"
        return Check(name=name, level="warning", what=version, hint=hint)
    return Check(name=name, level="ok", what=version)


def _leading(version: str) -> Version | None:
    major, _, rest = version.removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _image(image: Image, data_root: Folder | None) -> Check:
    pinned = "" if image.reference == image.name else ", as it is pinned,"
    if image.here:
        return Check(name="image", level="ok", what=f"{image.name}{pinned} is here")
    free = data_root.free if data_root else None
    room = "" if free is None else f"; {_gib(free)} free for images"
    what = f"{image.name}{pinned} is downloaded at the first start{room}"
    if free is not None and free < IMAGE_SPACE:
        hint = f"keep {_gib(IMAGE_SPACE)} free for a GPU image: docker system prune removes what is unused"
        return Check(name="image", level="warning", what=what, hint=hint)
    return Check(name="image", level="ok", what=what)


def wanted_images(names: Sequence[str | None], lock: Lock, hardware: Hardware | Problem) -> Mapping[str, str]:
    """What images of these names are started from, by name, each once.

    None, and no names at all, is the official image for these GPUs; that for the processor where they
    can't be seen.
    """
    seen = () if isinstance(hardware, Problem) else hardware.gpus
    official = official_image([each.gpu for each in seen])
    return {name: lock.image(name) for name in (each or official for each in names or (None,))}


def _gpus(facts: Facts) -> Iterator[Check]:
    hardware = facts.hardware
    if isinstance(hardware, Problem):
        yield _failed("GPUs", hardware)
        return
    names = ", ".join(seen.gpu.name for seen in hardware.gpus)
    yield Check(name="GPUs", level="ok", what=names or "none: models run on the processor")
    for left_out in hardware.left_out:
        yield Check(name="GPU left out", level="warning", what=left_out, hint="launcher detect tells more")
    if any(seen.gpu.vendor == "nvidia" for seen in hardware.gpus):
        yield _driver(hardware)
        if not isinstance(facts.engine, Problem):
            yield _access(facts.engine.gpu_access)


def _driver(hardware: Hardware) -> Check:
    name, wanted = "NVIDIA driver", ".".join(map(str, IMAGE_CUDA))
    supported = _leading(hardware.cuda or "")
    what = f"{hardware.driver}, CUDA {hardware.cuda}; the image is built with CUDA {wanted}"
    if supported is None:
        what = f"{hardware.driver} does not tell which CUDA it supports; the image is built with {wanted}"
        return Check(name=name, level="warning", what=what, hint=UPDATE_DRIVER)
    if supported >= IMAGE_CUDA:
        return Check(name=name, level="ok", what=what)
    if supported[0] == IMAGE_CUDA[0]:
        what += ", which NVIDIA's container runtime may refuse to start on it"
        return Check(name=name, level="warning", what=what, hint=UPDATE_DRIVER)
    return Check(name=name, level="problem", what=what, hint=UPDATE_DRIVER)


def _access(ways: tuple[str, ...]) -> Check:
    if ways:
        return Check(name="GPUs in containers", level="ok", what=" and ".join(ways))
    return Check(
        name="GPUs in containers",
        level="problem",
        what="Docker has neither NVIDIA's runtime nor CDI",
        hint="install the NVIDIA Container Toolkit, then: sudo nvidia-ctk runtime configure "
        "--runtime=docker && sudo systemctl restart docker",
    )


def _project(facts: Facts) -> Iterator[Check]:
    if facts.conf:
        first = facts.conf[0]
        more = f" (and {len(facts.conf) - 1} more)" if len(facts.conf) > 1 else ""
        what = f"{first.where}: {first.what}{more}"
        yield Check(name="models.conf", level="problem", what=what, hint="launcher check shows all of them")
    else:
        yield Check(name="models.conf", level="ok", what="no errors")
    yield _models(facts.models)
    ours = {urlsplit(server.url).port: server.profile for server in facts.servers}
    for use in facts.ports:
        yield _port(use, ours.get(use.port))


def _models(folder: Folder) -> Check:
    name = "models folder"
    if not folder.exists:
        hint = f"mkdir -p {folder.path}, or name another with --models-dir or LAUNCHER_MODELS_DIR"
        return Check(name=name, level="problem", what=f"{folder.path} is not there", hint=hint)
    if not folder.readable:
        hint = f"see its permissions: ls -ld {folder.path}"
        return Check(name=name, level="problem", what=f"{folder.path} can't be read", hint=hint)
    room = "" if folder.free is None else f", {_gib(folder.free)} free"
    return Check(name=name, level="ok", what=f"{folder.path}{room}")


def _port(use: PortUse, profile: str | None) -> Check:
    name = f"port {use.port}"
    if use.holder is None:
        return Check(name=name, level="ok", what=f"free on {use.bind}")
    if profile:
        return Check(name=name, level="ok", what=f"the launcher's own server has it: {profile}")
    hint = "stop that program, or set HOST_PORT in the profile to another port"
    return Check(name=name, level="problem", what=f"{use.holder} has it", hint=hint)


def _embedded(facts: Facts, runtime: RuntimeName) -> Check:
    name = "embedded runtime"
    if facts.embedded:
        return Check(name=name, level="ok", what="xllamacpp is installed")
    return Check(
        name=name,
        level="problem" if runtime == "embedded" else "warning",
        what="xllamacpp is not installed: profiles with RUNTIME=embedded (demo) don't start",
        hint="pip install 'launcher[demo]', or start them with --runtime compose",
    )


def _compiler(facts: Facts) -> Check:
    name = "C compiler"
    if facts.compiler:
        return Check(name=name, level="ok", what=facts.compiler)
    return Check(
        name=name,
        level="warning",
        what="none: the engine can't be asked about GPUs that are not here (plan --engine)",
        hint="install one, such as: sudo apt-get install gcc libc6-dev",
    )


def _failed(name: str, problem: Problem) -> Check:
    return Check(name=name, level="problem", what=problem.what, hint=problem.hint)


def _gib(amount: int) -> str:
    return f"{amount / GIB:.1f} GiB"
