"""The engine that a command asks: a binary of this computer, or the one of the profile's image."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import click

from launcher.cli.machines import DETECT
from launcher.cli.options import Workspace
from launcher.core.machine import Machine
from launcher.core.profiles import Profile

if TYPE_CHECKING:
    from launcher.edges.engine import DirectEngine, DockerEngine

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def engine_option() -> Callable[[FunctionT], FunctionT]:
    """``--engine-bin PATH``."""
    return click.option(
        "--engine-bin",
        type=click.Path(path_type=Path),
        envvar="LAUNCHER_ENGINE_BIN",
        metavar="PATH",
        help="Ask this llama.cpp `llama` instead of the one in the profile's image.",
    )


def open_engine(
    space: Workspace, profile: Profile, machine: Machine, engine_bin: Path | None
) -> "DirectEngine | DockerEngine":
    """The engine for a profile on a machine: with the GPUs of this computer where the machine is
    the detected one, else with simulated ones. Raises LauncherError where there is none."""
    return _open(engine_bin or _image(profile, machine), on_simulated(space))


def simulated_engine(binary: Path) -> "DirectEngine | DockerEngine":
    """The engine at a path, for any machine but this one."""
    return _open(binary, simulated=True)


def on_simulated(space: Workspace) -> bool:
    """The one machine of this command line is not the detected one."""
    return bool(space.machines) and space.machines[0] != DETECT


def dry_runs_at_once(*, simulated: bool) -> int:
    """As many as there are cores; one on real GPUs, where each takes memory from the others."""
    return (os.cpu_count() or 1) if simulated else 1


@contextmanager
def open_engines(
    engine_bin: Path | None, here: Machine | None
) -> Iterator[Callable[[Profile, Machine], "DirectEngine | DockerEngine"]]:
    """The engine for each profile on each machine, opened once for all who share it, by any thread.

    here: the machine that was detected; all others are simulated.
    """
    opened: dict[tuple[Path | str, bool], DirectEngine | DockerEngine] = {}
    lock = Lock()
    with ExitStack() as stack:

        def engine_for(profile: Profile, machine: Machine) -> "DirectEngine | DockerEngine":
            key = (engine_bin or _image(profile, machine), machine != here)
            with lock:
                if key not in opened:
                    opened[key] = _open(*key)
                    stack.enter_context(opened[key])
                return opened[key]

        yield engine_for


def _image(profile: Profile, machine: Machine) -> str:
    """The image of a profile; the embedded server sees no GPU, as does the image without one."""
    from launcher.core.visibility import official_image

    return profile.image or official_image(() if profile.runtime == "embedded" else machine.gpus)


def _open(engine: Path | str, simulated: bool) -> "DirectEngine | DockerEngine":
    """engine: the path of a binary, or the name of an image."""
    from launcher.edges.engine import DirectEngine, DockerEngine
    from launcher.edges.files import write_atomic

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "launcher"
    if isinstance(engine, Path):
        return DirectEngine(engine, cache=cache, write=write_atomic, simulated=simulated)
    return DockerEngine(engine, cache=cache, write=write_atomic, simulated=simulated)
