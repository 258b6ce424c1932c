"""AMD GPUs, from what the driver ``amdgpu`` tells in sysfs (Documentation/gpu/amdgpu/driver-misc.rst)."""

from collections.abc import Iterator
from pathlib import Path

from launcher.core.hardware import ObservedGpu, role
from launcher.core.machine import Gpu
from launcher.edges.hardware import sysfs

PCI_VENDOR = "0x1002"


def observe(root: Path) -> tuple[ObservedGpu, ...]:
    """The AMD GPUs, in the order of the PCI bus; a card without ``amdgpu`` tells no memory and is none."""
    return tuple(_gpus(root))


def _gpus(root: Path) -> Iterator[ObservedGpu]:
    for card in sysfs.cards(root, PCI_VENDOR):
        device = card / "device"
        total = sysfs.number(device / "mem_info_vram_total")
        used = sysfs.number(device / "mem_info_vram_used")
        if total is None or used is None:
            continue
        gpu = Gpu(
            name=sysfs.text(device / "product_name") or f"AMD GPU {sysfs.text(device / 'device')}",
            vendor="amd",
            total=total,
            free=max(0, total - used),
            role=role(active=False, attached=sysfs.monitor_attached(card)),
            pci=sysfs.address(card),
        )
        yield ObservedGpu(gpu=gpu)
