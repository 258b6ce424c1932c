"""NVIDIA GPUs, by NVML (the library of the driver) through nvidia-ml-py."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from launcher.core.errors import LauncherError, failure
from launcher.core.hardware import GpuProcess, ObservedGpu, role
from launcher.core.machine import Gpu
from launcher.edges.hardware import sysfs

T = TypeVar("T")

PCI_VENDOR = "0x10de"
LIBRARY = "libnvidia-ml.so.1"
ELSEWHERE = "or name a machine file: --machine NAME"

_CORES_PER_MULTIPROCESSOR = {
    "5.0": 128, "5.2": 128, "6.0": 64, "6.1": 128, "7.0": 64, "7.5": 64, "8.0": 64, "8.6": 128,
    "8.7": 128, "8.9": 128, "9.0": 128, "10.0": 128, "10.3": 128, "12.0": 128, "12.1": 128,
}  # fmt: skip
"""FP32 cores by compute capability (CUDA C++ Programming Guide, "Compute Capabilities")."""

_HINTS = {
    "DriverNotLoaded": "load it: sudo modprobe nvidia; after a kernel update, install the driver again",
    "LibRmVersionMismatch": "the driver was updated while it ran: restart the computer",
    "NoPermission": "your user may not open /dev/nvidia*: see the permissions of these files",
    "GpuIsLost": "the GPU fell off the bus: restart the computer; power and cooling are usual causes",
    "InsufficientPower": "connect the power cables of the GPU",
}
"""Next steps by the name of nvidia-ml-py's exception, without ``NVMLError_``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nvidia:
    """What NVML told. gpus: in the order of the PCI bus."""

    gpus: tuple[ObservedGpu, ...] = ()
    left_out: tuple[str, ...] = ()
    driver: str | None = None
    cuda: str | None = None


def observe(root: Path) -> Nvidia:
    """The NVIDIA GPUs and their driver; nothing on a computer without the driver.

    Raises LauncherError with the cause when the driver or its library is there but fails.
    """
    if not _library_is_there():
        return _without_library(root)
    import pynvml

    with _explained(pynvml):
        pynvml.nvmlInit()
        try:
            gpus = [_observe_gpu(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
            driver = str(pynvml.nvmlSystemGetDriverVersion())
            cuda = _optional(pynvml, pynvml.nvmlSystemGetCudaDriverVersion_v2)
        finally:
            pynvml.nvmlShutdown()
    return Nvidia(
        gpus=tuple(gpus), driver=driver, cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None
    )


def _library_is_there() -> bool:
    """Loaded as nvidia-ml-py does (pynvml.py), whose own import takes longer than all else here."""
    from ctypes import CDLL

    try:
        CDLL(LIBRARY)
    except OSError:
        return False
    return True


def _without_library(root: Path) -> Nvidia:
    """The library comes with the driver: a driver that runs without it is a broken installation."""
    if (root / "proc/driver/nvidia/version").exists():
        raise failure(
            f"NVIDIA's driver is loaded, but its library {LIBRARY} is not there",
            hint=f"install the driver's libraries (in a container: start it with --gpus all), {ELSEWHERE}",
        )
    devices = sysfs.pci_devices(root, PCI_VENDOR)
    return Nvidia(
        left_out=tuple(f"NVIDIA GPU at {address}: NVIDIA's driver is not loaded" for address in devices)
    )


def _observe_gpu(nvml: Any, index: int) -> ObservedGpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    name = str(nvml.nvmlDeviceGetName(handle))
    total, free = _memory(nvml, handle, name)
    capability = _capability(nvml, handle)
    active = _optional(nvml, lambda: bool(nvml.nvmlDeviceGetDisplayActive(handle)))
    attached = _optional(nvml, lambda: bool(nvml.nvmlDeviceGetDisplayMode(handle)))
    gpu = Gpu(
        name=name,
        total=total,
        free=free,
        role=role(active=active, attached=attached),
        compute_capability=capability,
        multiprocessors=_multiprocessors(nvml, handle, capability),
        bandwidth=_bandwidth(nvml, handle),
        uuid=str(nvml.nvmlDeviceGetUUID(handle)),
        pci=pci_address(str(nvml.nvmlDeviceGetPciInfo(handle).busId)),
    )
    return ObservedGpu(gpu=gpu, processes=_processes(nvml, handle))


def _memory(nvml: Any, handle: Any, name: str) -> tuple[int, int]:
    """Total and free bytes as CUDA has them: what the driver reserves for itself is in neither."""
    precise = _optional(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2))
    if precise is not None:
        return int(precise.total) - int(precise.reserved), int(precise.free)
    plain = _optional(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    if plain is None:
        raise failure(
            "NVML does not tell how much memory this GPU has",
            where=name,
            hint="write a machine file with its memory, and name it: --machine NAME",
        )
    return int(plain.total), int(plain.free)


def _capability(nvml: Any, handle: Any) -> str | None:
    found = _optional(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    return f"{found[0]}.{found[1]}" if found else None


def _multiprocessors(nvml: Any, handle: Any, capability: str | None) -> int | None:
    cores = _optional(nvml, lambda: nvml.nvmlDeviceGetNumGpuCores(handle))
    each = _CORES_PER_MULTIPROCESSOR.get(capability or "")
    return int(cores) // each if cores and each else None


def _bandwidth(nvml: Any, handle: Any) -> int | None:
    """Bytes per second at the highest memory clock: two transfers per cycle over the whole bus."""
    clock = _optional(nvml, lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM))
    width = _optional(nvml, lambda: nvml.nvmlDeviceGetMemoryBusWidth(handle))
    return int(clock) * 10**6 * 2 * int(width) // 8 if clock and width else None


def _processes(nvml: Any, handle: Any) -> tuple[GpuProcess, ...] | None:
    """Processes of both kinds, each once; None when NVML tells of neither."""
    kinds = (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses)
    lists = [_optional(nvml, partial(query, handle)) for query in kinds]
    if all(found is None for found in lists):
        return None
    by_pid = {process.pid: process for found in lists for process in found or ()}
    return tuple(
        GpuProcess(pid=pid, name=_process_name(nvml, pid), used=process.usedGpuMemory)
        for pid, process in sorted(by_pid.items())
    )


def _process_name(nvml: Any, pid: int) -> str | None:
    """None for another user's process, and for one that is gone."""
    with suppress(nvml.NVMLError, UnicodeDecodeError):
        return PurePosixPath(nvml.nvmlSystemGetProcessName(pid)).name or None
    return None


def pci_address(bus_id: str) -> str:
    """NVML's PCI address (``00000000:01:00.0``) as the kernel writes it (``0000:01:00.0``)."""
    return re.sub(r"^0000(?=[0-9a-f]{4}:)", "", bus_id.lower())


def _optional(nvml: Any, query: Callable[[], T]) -> T | None:
    """The answer; None when this GPU or driver doesn't support the question."""
    try:
        return query()
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return None
    except nvml.NVMLError as error:
        if error.value == nvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH:
            return None
        raise


@contextmanager
def _explained(nvml: Any) -> Iterator[None]:
    """Turns NVML's errors into the launcher's."""
    try:
        yield
    except nvml.NVMLError as error:
        raise explanation(type(error).__name__, str(error)) from error


def explanation(kind: str, words: str) -> LauncherError:
    """Why NVML failed, and what to do. kind: nvidia-ml-py's exception; words: NVML's own."""
    hint = _HINTS.get(kind.removeprefix("NVMLError_"), "nvidia-smi should work before launcher can")
    return failure(f"NVML, the library of NVIDIA's driver, fails: {words}", hint=f"{hint}; {ELSEWHERE}")
