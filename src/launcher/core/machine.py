"""A machine as a value: GPUs in the order that the container sees, host memory, headroom."""

from dataclasses import dataclass
from typing import Literal

from launcher.core.units import MIB

Role = Literal["compute", "display", "unknown"]
Vendor = Literal["nvidia", "amd", "intel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU. Bytes; None is unknown. `compute_capability` as NVIDIA writes it ("8.9");
    `bandwidth` in bytes per second; `margin` overrides the headroom of its role."""

    name: str
    total: int
    free: int
    role: Role = "unknown"
    vendor: Vendor = "nvidia"
    compute_capability: str | None = None
    multiprocessors: int | None = None
    bandwidth: int | None = None
    uuid: str | None = None
    pci: str | None = None
    margin: int | None = None

    @property
    def key(self) -> str:
        """What tells it from the machine's other GPUs: its UUID, else PCI address, else name."""
        return self.uuid or self.pci or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """Bytes to leave free on a GPU, by role; a GPU of unknown role is treated as a display's."""

    compute: int = 128 * MIB
    display: int = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`host_memory` and `host_free` in bytes, after the cgroup limit; None is unknown.

    host_limit: bytes of it that the server's container may use; None without a limit.
    """

    name: str
    gpus: tuple[Gpu, ...]
    host_memory: int | None = None
    host_free: int | None = None
    host_limit: int | None = None
    headroom: Headroom = Headroom()

    @property
    def host_supply(self) -> int | None:
        """Host memory for the server: what is free, or all where only that is known, up to the limit."""
        there = self.host_memory if self.host_free is None else self.host_free
        return min((each for each in (there, self.host_limit) if each is not None), default=None)

    def margin(self, gpu: Gpu) -> int:
        """Bytes to leave free on `gpu`: its FIT_TARGET."""
        if gpu.margin is not None:
            return gpu.margin
        return self.headroom.compute if gpu.role == "compute" else self.headroom.display
