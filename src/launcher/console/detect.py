"""This computer on the screen: GPUs in the order of the container, host memory, FIT_TARGET."""

from collections.abc import Iterator, Sequence
from typing import Any

from launcher.console import Console, table
from launcher.console.edit import STYLES
from launcher.core.hardware import Detection, GpuProcess, HostMemory, ObservedGpu
from launcher.core.headroom import Target, fit_target, fit_target_value
from launcher.core.units import MIB, mib_down
from launcher.workflow.detect import Kept

SHOWN_PROCESSES = 8
UNKNOWN = "?"


def show_detection(console: Console, found: Detection) -> None:
    """Tables on stdout; what is left out, and why, on stderr."""
    from rich.text import Text

    hardware = found.hardware
    if hardware.gpus:
        _show_gpus(console, found)
        _show_processes(console, hardware.gpus)
        _show_targets(console, fit_target(found.machine))
    else:
        console.show(Text("No GPU: models run on the CPU, in host memory."))
    console.show(Text(f"\nHost memory  {_host(hardware.host)}"))
    if hardware.driver:
        console.show(Text(f"Driver       NVIDIA {hardware.driver}, CUDA up to {hardware.cuda or UNKNOWN}"))
    if hardware.gpus:
        console.show(Text(f"FIT_TARGET   {fit_target_value(found.machine)}", style="bold"))
    for line in hardware.left_out:
        console.note(f"left out: {line}")


def detection_json(console: Console, found: Detection) -> None:
    hardware, targets = found.hardware, fit_target(found.machine)
    console.json(
        {
            "schema": "launcher.machine/1",
            "name": found.machine.name,
            "driver": hardware.driver,
            "cuda": hardware.cuda,
            "host": {
                "memory_bytes": hardware.host.total,
                "free_bytes": hardware.host.free,
                "cgroup_limit_bytes": hardware.host.cgroup_limit,
            },
            "gpus": [
                {"device": f"CUDA{index}" if seen.gpu.vendor == "nvidia" else None, **_object(seen, target)}
                for index, (seen, target) in enumerate(zip(hardware.gpus, targets, strict=True))
            ],
            "fit_target": [target.mib for target in targets],
            "left_out": list(hardware.left_out),
        }
    )


def show_kept(console: Console, kept: Kept, path: str) -> None:
    """What became of the file, and how it differs from the one before; on stderr."""
    if kept.change.before:
        for line in kept.change.diff(path):
            console.note(line, style=STYLES.get(line[:1]))
    if not kept.refused:
        console.note(f"{path}: {'written' if kept.written else 'as it was'}")


def _object(seen: ObservedGpu, target: Target) -> dict[str, Any]:
    gpu = seen.gpu
    return {
        "name": gpu.name,
        "vendor": gpu.vendor,
        "uuid": gpu.uuid,
        "pci": gpu.pci,
        "total_bytes": gpu.total,
        "used_bytes": seen.used,
        "free_bytes": gpu.free,
        "compute_capability": gpu.compute_capability,
        "multiprocessors": gpu.multiprocessors,
        "bandwidth_bytes_per_second": gpu.bandwidth,
        "role": gpu.role,
        "margin_bytes": target.mib * MIB,
        "margin_reason": target.reason,
        "processes": None if seen.processes is None else list(map(_process_object, seen.processes)),
    }


def _process_object(process: GpuProcess) -> dict[str, Any]:
    return {"pid": process.pid, "name": process.name, "used_bytes": process.used}


def _show_gpus(console: Console, found: Detection) -> None:
    made = table(
        "#", "GPU", "total MiB", "used MiB", "free MiB", "compute", "GB/s", "role", "PCI", "UUID",
        right=["#", "total MiB", "used MiB", "free MiB", "compute", "GB/s"],
    )  # fmt: skip
    for index, seen in enumerate(found.hardware.gpus):
        gpu = seen.gpu
        made.add_row(
            str(index),
            gpu.name,
            str(mib_down(gpu.total)),
            str(-(-seen.used // MIB)),
            str(mib_down(gpu.free)),
            gpu.compute_capability or UNKNOWN,
            UNKNOWN if gpu.bandwidth is None else str(gpu.bandwidth // 10**9),
            gpu.role,
            gpu.pci or UNKNOWN,
            gpu.uuid or UNKNOWN,
        )
    console.show(made)


def _show_processes(console: Console, gpus: Sequence[ObservedGpu]) -> None:
    rows = [row for index, seen in enumerate(gpus) for row in _process_rows(index, seen)]
    if not rows:
        return
    made = table("#", "process", "pid", "used MiB", right=["#", "pid", "used MiB"])
    for row in rows:
        made.add_row(*row)
    console.show(made)


def _process_rows(index: int, seen: ObservedGpu) -> Iterator[tuple[str, str, str, str]]:
    """The largest processes of a GPU, and how many there are besides."""
    if seen.processes is None:
        yield str(index), "(the driver does not tell)", "", ""
        return
    largest = sorted(seen.processes, key=lambda process: -(process.used or 0))
    for process in largest[:SHOWN_PROCESSES]:
        used = UNKNOWN if process.used is None else str(-(-process.used // MIB))
        yield str(index), process.name or UNKNOWN, str(process.pid), used
    if len(largest) > SHOWN_PROCESSES:
        yield str(index), f"and {len(largest) - SHOWN_PROCESSES} more", "", ""


def _show_targets(console: Console, targets: Sequence[Target]) -> None:
    made = table("#", "keep free MiB", "because it", right=["#", "keep free MiB"])
    for index, target in enumerate(targets):
        made.add_row(str(index), str(target.mib), target.reason)
    console.show(made)


def _host(host: HostMemory) -> str:
    words = f"{_mib(host.total)} MiB, {_mib(host.free)} MiB free"
    return words if host.cgroup_limit is None else f"{words} (limited by the cgroup)"


def _mib(amount: int | None) -> str:
    return UNKNOWN if amount is None else str(mib_down(amount))
