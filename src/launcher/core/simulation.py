"""What the stand-ins for NVIDIA's libraries (launcher/simgpu) are told about a machine."""

from launcher.core.errors import failure
from launcher.core.machine import Gpu, Machine

VARIABLE = "LAUNCHER_SIMULATED_GPUS"
MAX_GPUS = 16
SEPARATORS = "|;"


def describe(machine: Machine) -> str:
    """The value of VARIABLE: one GPU after the other in CUDA's order, as simgpu/machine.h reads it.

    A number of multiprocessors that is unknown becomes 1: no memory figure depends on it.
    Raises LauncherError for what can't be simulated.
    """
    if len(machine.gpus) > MAX_GPUS:
        raise failure(f"{len(machine.gpus)} GPUs; at most {MAX_GPUS} can be simulated", where=machine.name)
    return ";".join(_describe_gpu(machine, index) for index in range(len(machine.gpus)))


def _describe_gpu(machine: Machine, index: int) -> str:
    gpu = machine.gpus[index]
    where = f"{machine.name}: GPU {index}"
    if gpu.vendor != "nvidia":
        raise failure(f"only NVIDIA GPUs can be simulated, this one is {gpu.vendor}", where=where)
    if gpu.compute_capability is None:
        raise failure(
            "compute_capability is unknown",
            hint='add it to the machine file, such as compute_capability: "8.9"',
            where=where,
        )
    return "|".join((_name(gpu), str(gpu.total), str(gpu.free), gpu.compute_capability, _processors(gpu)))


def _name(gpu: Gpu) -> str:
    return gpu.name.translate(dict.fromkeys(map(ord, SEPARATORS), " "))


def _processors(gpu: Gpu) -> str:
    return str(gpu.multiprocessors or 1)
