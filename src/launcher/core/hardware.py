"""The computer as it was seen: its GPUs, its host memory, and the machine that they make."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from launcher.core.gpu_order import container_order
from launcher.core.machine import Gpu, Machine, Role, Vendor

VENDORS: Mapping[Vendor, str] = MappingProxyType({"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"})
"""In the order of preference: a container's image drives the GPUs of one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """A process that holds memory of a GPU; None is what the driver doesn't tell."""

    pid: int
    name: str | None
    used: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedGpu:
    """A GPU with what only holds now. processes: None when the driver doesn't tell."""

    gpu: Gpu
    processes: tuple[GpuProcess, ...] | None = None

    @property
    def used(self) -> int:
        return self.gpu.total - self.gpu.free


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """Bytes: `total` and `free` after the cgroup's limit, which is None without one."""

    total: int | None = None
    free: int | None = None
    cgroup_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What was seen of a computer.

    gpus: in the order that the container will see them. left_out: GPUs that it will not, and why.
    driver, cuda: versions of NVIDIA's driver, and the newest CUDA that it runs.
    """

    host_name: str
    host: HostMemory
    gpus: tuple[ObservedGpu, ...] = ()
    left_out: tuple[str, ...] = ()
    driver: str | None = None
    cuda: str | None = None

    def machine(self) -> Machine:
        """As a machine, named after the host."""
        return Machine(
            name=machine_name(self.host_name),
            gpus=tuple(seen.gpu for seen in self.gpus),
            host_memory=self.host.total,
            host_free=self.host.free,
        )

    def in_order_of(self, machine: Machine) -> "Hardware":
        """With the GPUs as `machine`, which was made of it, has them."""
        by_key = {seen.gpu.key: seen for seen in self.gpus}
        return replace(self, gpus=tuple(replace(by_key[gpu.key], gpu=gpu) for gpu in machine.gpus))


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What was seen, and the machine that plans take it for."""

    hardware: Hardware
    machine: Machine


def role(*, active: bool | None, attached: bool | None) -> Role:
    """What a GPU does, by its driver's answers (None: not supported).

    active: a display is initialised on it. attached: a monitor is connected to it.
    """
    if active or attached:
        return "display"
    return "unknown" if active is None else "compute"


def arrange(seen: Sequence[ObservedGpu]) -> tuple[tuple[ObservedGpu, ...], tuple[str, ...]]:
    """The GPUs for the container, in its order; and why the others are left out.

    They are all of one vendor, since no official image but Vulkan's drives two, and that one slower.
    """
    vendors = [vendor for vendor in VENDORS if any(each.gpu.vendor == vendor for each in seen)]
    kept = [each for each in seen if each.gpu.vendor in vendors[:1]]
    by_gpu = {id(each.gpu): each for each in kept}
    ordered = tuple(by_gpu[id(gpu)] for gpu in container_order(each.gpu for each in kept))
    left_out = (
        f"{each.gpu.name}: the image for {VENDORS[vendors[0]]} does not drive it"
        for each in seen
        if each.gpu.vendor not in vendors[:1]
    )
    return ordered, tuple(left_out)


def machine_name(host_name: str) -> str:
    """The host's name as a machine file can have it."""
    word = re.sub(r"[^A-Za-z0-9._+-]", "-", host_name.partition(".")[0]).lstrip("._+-")
    return word or "this-machine"


def with_margins_of(machine: Machine, kept: Machine) -> Machine:
    """`machine` with the headroom, roles and margins that its owner wrote down in `kept`.

    A GPU is known again by its UUID, else by its PCI address.
    """
    known = {gpu.key: gpu for gpu in kept.gpus if gpu.uuid or gpu.pci}
    gpus = (_with_margin(gpu, known.get(gpu.key)) for gpu in machine.gpus)
    return replace(machine, headroom=kept.headroom, gpus=container_order(gpus))


def _with_margin(gpu: Gpu, kept: Gpu | None) -> Gpu:
    if kept is None:
        return gpu
    return replace(gpu, margin=kept.margin, role=kept.role if gpu.role == "unknown" else gpu.role)
