"""The engine that a command asks: a binary of this computer, or the one of the profile's image."""

import os
from collections.abc import Callable
from pathlib import Path
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
    from launcher.core.visibility import official_image
    from launcher.edges.engine import DirectEngine, DockerEngine

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "launcher"
    simulated = bool(space.machines) and space.machines[0] != DETECT
    if engine_bin is not None:
        return DirectEngine(engine_bin, cache=cache, simulated=simulated)
    image = profile.image or official_image(machine.gpus)
    return DockerEngine(image, cache=cache, simulated=simulated)
