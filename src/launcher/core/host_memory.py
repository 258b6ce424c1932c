"""Host memory of a server: what lies there, and what may come to lie there."""

from dataclasses import dataclass

from launcher.core.ledger import Usage
from launcher.core.machine import Machine
from launcher.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes with their cause."""

    name: str
    nbytes: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDemand:
    """Host memory, in bytes.

    needed: what the server can't run without. growing: what it may come to hold later. supply:
    free host memory, or all of it where only that is known, up to `limit`; None is unknown. limit:
    what the server's container may use, None without a limit. page_cache: bytes of the model file
    that pass through the page cache while it loads, and can be dropped.
    """

    needed: tuple[Amount, ...]
    growing: tuple[Amount, ...]
    supply: int | None
    limit: int | None = None
    page_cache: int

    @property
    def needed_bytes(self) -> int:
        return sum(amount.nbytes for amount in self.needed)

    @property
    def total_bytes(self) -> int:
        return self.needed_bytes + sum(amount.nbytes for amount in self.growing)

    @property
    def limited(self) -> bool:
        """It is the container's limit that decides, and not the machine."""
        return self.limit is not None and self.supply == self.limit

    @property
    def missing(self) -> int:
        """Bytes that the server needs and the host doesn't have; 0 when unknown."""
        return 0 if self.supply is None else max(0, self.needed_bytes - self.supply)

    @property
    def missing_later(self) -> int:
        """Bytes missing once everything that may grow has grown; 0 when unknown."""
        return 0 if self.supply is None else max(0, self.total_bytes - self.supply)


def host_demand(
    usage: Usage, settings: Settings, machine: Machine, file_bytes: int | None, checkpoint: int = 0
) -> HostDemand:
    """Host memory for a placement whose host line is `usage`; `checkpoint`: bytes of one of a slot.

    The prompt cache grows up to CACHE_RAM as prompts are kept for reuse (``server_prompt_cache``
    in ``tools/server/server-task.cpp``, build 11160), the checkpoints of cached prompts included; each
    slot holds up to CTX_CHECKPOINTS of its own beside it. Weights for the GPUs pass through the page
    cache while they load; the kernel counts the cache of a mapped file as the container's own, and
    drops it before it lets the container go beyond its limit.
    """
    mapped = "mapped from the file" if settings.mmap else "read into memory (mmap off)"
    needed = (
        Amount("weights", usage.model, f"token embedding and weights not on a GPU, {mapped}"),
        Amount("context", usage.context, "KV cache and state of layers not on a GPU"),
        Amount("compute", usage.compute, "graph inputs, masks and the output buffer"),
    )
    slots, each = settings.n_seq_max, max(settings.ctx_checkpoints, 0)
    growing = (
        Amount("prompt cache", settings.cache_ram, "CACHE_RAM, filled as prompts are kept"),
        Amount("checkpoints", slots * each * checkpoint, f"CTX_CHECKPOINTS={each} in each of {slots} slots"),
    )
    return HostDemand(
        needed=tuple(amount for amount in needed if amount.nbytes),
        growing=tuple(amount for amount in growing if amount.nbytes > 0),
        supply=machine.host_supply,
        limit=machine.host_limit,
        page_cache=max(0, (file_bytes or 0) - usage.model) if settings.mmap else 0,
    )
