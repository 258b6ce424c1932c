"""Intel GPUs with memory of their own, as far as the drivers ``xe`` and ``i915`` tell it in sysfs."""

from pathlib import Path

from launcher.core.hardware import ObservedGpu, role
from launcher.core.machine import Gpu
from launcher.edges.hardware import sysfs

PCI_VENDOR = "0x8086"


def observe(root: Path) -> tuple[tuple[ObservedGpu, ...], tuple[str, ...]]:
    """The Intel GPUs whose memory is told, in the order of the PCI bus; and why others are left out.

    Intel's own builds of the drivers have ``lmem_total_bytes`` and ``lmem_avail_bytes``; the drivers
    in the mainline kernel tell privileged programs only.
    """
    gpus, left_out = [], []
    for card in sysfs.cards(root, PCI_VENDOR):
        name = f"Intel GPU {sysfs.text(card / 'device/device')}"
        total = sysfs.number(card / "lmem_total_bytes")
        free = sysfs.number(card / "lmem_avail_bytes")
        if total and free is not None:
            gpu = Gpu(
                name=name,
                vendor="intel",
                total=total,
                free=min(free, total),
                role=role(active=False, attached=sysfs.monitor_attached(card)),
                pci=sysfs.address(card),
            )
            gpus.append(ObservedGpu(gpu=gpu))
        else:
            left_out.append(f"{name}: the kernel does not tell its memory; a machine file can")
    return tuple(gpus), tuple(left_out)
