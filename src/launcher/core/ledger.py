"""The ledger: per device, what is needed against what there is. One type, three sources."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["estimate", "engine", "measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Bytes needed on one device, in llama.cpp's three parts.

    model: weights. context: KV cache and recurrent state. compute: graph buffers.
    """

    model: int = 0
    context: int = 0
    compute: int = 0

    @property
    def total(self) -> int:
        return self.model + self.context + self.compute

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            model=self.model + other.model,
            context=self.context + other.context,
            compute=self.compute + other.compute,
        )

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            model=self.model - other.model,
            context=self.context - other.context,
            compute=self.compute - other.compute,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLine:
    """One row of a ledger. `total`, `free` and `margin` are bytes; unknown is None.

    layers: layers whose home is this device, the output layer counted as one (as
    ``n_gpu_layers`` does). overflow_layers: those of them with parts kept in host memory.
    """

    name: str
    gpu: str | None = None
    total: int | None = None
    free: int | None = None
    margin: int | None = None
    usage: Usage
    layers: int | None = None
    overflow_layers: int | None = None

    @property
    def left(self) -> int | None:
        """Bytes left free (negative: missing)."""
        return None if self.free is None else self.free - self.usage.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """GPUs in the order of the container, ``Host`` last.

    graph_splits: changes of device in the prompt graph; None when unknown.
    """

    source: Source
    devices: tuple[DeviceLine, ...]
    n_ctx: int | None = None
    graph_splits: int | None = None

    @property
    def gpus(self) -> tuple[DeviceLine, ...]:
        return self.devices[:-1]

    @property
    def host(self) -> DeviceLine:
        return self.devices[-1]
