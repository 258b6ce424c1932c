"""The command lines of a dry run, as lists of words: direct, and in a profile's image."""

from dataclasses import dataclass

from launcher.core.dry_run.questions import MODEL, Question
from launcher.core.machine import Machine
from launcher.core.simulation import VARIABLE, describe
from launcher.core.visibility import visibility

IMAGE_BINARY = "/app/llama"
IMAGE_MODEL = "/dry-run/model.gguf"
IMAGE_STAND_INS = "/dry-run/simgpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Words to run, and variables to add to the process's environment."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


def direct_command(
    binary: str, question: Question, model: str, machine: Machine, stand_ins: str | None
) -> Command:
    """Run `binary` itself; `stand_ins` is the folder of the simulated GPUs' libraries, None takes
    the real ones."""
    variables = _device_variables(machine, stand_ins)
    return Command(
        words=(binary, *_arguments(question, model)), environment=(*question.environment, *variables)
    )


def docker_command(
    image: str, question: Question, model: str, machine: Machine, stand_ins: str | None, name: str
) -> Command:
    """Run the ``llama`` of `image` in a container called `name` that can read the model's file and
    nothing else, and has no network."""
    variables = (*question.environment, *_device_variables(machine, stand_ins and IMAGE_STAND_INS))
    mounts = [(model, IMAGE_MODEL), *([(stand_ins, IMAGE_STAND_INS)] if stand_ins else ())]
    devices = () if stand_ins else _devices(machine)
    words = [
        *("docker", "run", "--rm", "--name", name, "--network", "none", "--read-only", "--cap-drop", "ALL"),
        *devices,
        *(f"--volume={source}:{target}:ro" for source, target in mounts),
        *(f"--env={key}={value}" for key, value in variables),
        *("--entrypoint", IMAGE_BINARY, image, *_arguments(question, IMAGE_MODEL)),
    ]
    return Command(words=tuple(words), environment=())


def _arguments(question: Question, model: str) -> tuple[str, ...]:
    return ("fit-params", *(model if word == MODEL else word for word in question.words))


def _device_variables(machine: Machine, stand_ins: str | None) -> tuple[tuple[str, str], ...]:
    """What makes the machine's GPUs visible to the engine, and no others."""
    if not machine.gpus:
        return (("CUDA_VISIBLE_DEVICES", ""),)
    if stand_ins:
        return (("LD_LIBRARY_PATH", stand_ins), (VARIABLE, describe(machine)))
    return tuple(visibility(machine.gpus).environment.items())


def _devices(machine: Machine) -> tuple[str, ...]:
    visible = visibility(machine.gpus)
    nvidia = (f'--gpus="device={",".join(visible.nvidia)}"',) if visible.nvidia else ()
    return (*nvidia, *(f"--device={node}" for node in visible.device_nodes))
