"""The order in which a container sees the GPUs."""

from collections.abc import Iterable

from launcher.core.machine import Gpu


def container_order(gpus: Iterable[Gpu]) -> tuple[Gpu, ...]:
    """Dedicated and fastest first; GPUs that are equal in every respect keep their order.

    The first GPU is the one that takes a model alone, and llama.cpp's fit fills it to its margin. Speed
    is bandwidth, which bounds the generation of text; then compute capability, multiprocessors and
    memory decide. What is unknown counts as slowest.
    """
    return tuple(sorted(gpus, key=_rank))


def _rank(gpu: Gpu) -> tuple[bool, int, tuple[int, ...], int, int]:
    capability = tuple(-int(part) for part in (gpu.compute_capability or "0.0").split("."))
    return (
        gpu.role != "compute",
        -(gpu.bandwidth or 0),
        capability,
        -(gpu.multiprocessors or 0),
        -gpu.total,
    )
