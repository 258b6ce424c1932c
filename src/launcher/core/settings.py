"""What a server's environment and command line mean for memory: llama.cpp's parameters as a value."""

from dataclasses import dataclass, field
from typing import Literal

from launcher.core.ledger import NO_USAGE, Usage
from launcher.core.model import Model
from launcher.core.units import MIB

FlashAttention = Literal["on", "off", "auto"]
SplitMode = Literal["none", "layer", "row", "tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """How the server drafts (``common_params_speculative``); defaults are llama-server's.

    kinds: values of SPEC_TYPE. n_max: tokens of one draft. n_gpu_layers: of the draft model, as in
    Settings. cache_type_k, cache_type_v: of the context that drafts. model: a model that drafts, in
    place of the model's own MTP block. by_hand: options say on which devices it lies.
    """

    kinds: tuple[str, ...] = ()
    n_max: int = 3
    n_gpu_layers: int | None = None
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    by_hand: bool = False
    model: Model | None = field(default=None, compare=False, repr=False)

    @property
    def mtp(self) -> bool:
        """The model's own MTP block drafts."""
        return "draft-mtp" in self.kinds

    @property
    def active(self) -> bool:
        """Something drafts that takes memory on the devices."""
        return self.mtp or self.model is not None

    @property
    def snapshots(self) -> int:
        """Recurrent states kept beside the newest, to go back by as many tokens (``need_n_rs_seq``)."""
        return self.n_max if any(kind in _GOING_BACK for kind in self.kinds) else 0


_GOING_BACK = frozenset({"draft-mtp", "draft-eagle3", "draft-dflash", "draft-dspark"})
NO_DRAFTING = Drafting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Parameters of llama-server that decide what lies where; defaults are llama-server's.

    n_ctx: tokens in all sequences together, 0 takes the model's own. n_parallel: server slots
    (n_seq_max), None is llama-server's "auto". n_gpu_layers: None is "auto", -1 is "all".
    split_mode: None is not set, which means layer. fit_target: bytes per device, None is 1024 MiB
    each. tensor_split: proportions per device. overrides: (tensor name pattern, buffer type) in
    order, as given by ``-ot``. n_outputs: rows of logits that are reserved, None for one for each
    token of a micro-batch, as the dry run does. projector: what one takes, on the first GPU unless
    it is not offloaded.
    """

    n_ctx: int = 0
    n_batch: int = 2048
    n_ubatch: int = 512
    n_parallel: int | None = None
    kv_unified: bool | None = None
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    flash_attention: FlashAttention = "auto"
    fit: bool = True
    fit_target: tuple[int, ...] | None = None
    fit_ctx: int = 4096
    n_gpu_layers: int | None = None
    split_mode: SplitMode | None = None
    main_gpu: int = 0
    tensor_split: tuple[float, ...] | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    n_cpu_moe: int = 0
    cpu_moe: bool = False
    kv_offload: bool = True
    op_offload: bool = True
    swa_full: bool = False
    cache_ram: int = 8192 * MIB
    ctx_checkpoints: int = 32
    mmap: bool = True
    mlock: bool = False
    n_outputs: int | None = None
    projector: Usage = NO_USAGE
    projector_offload: bool = True
    drafting: Drafting = NO_DRAFTING

    @property
    def n_seq_max(self) -> int:
        """Server slots: "auto" makes four (``tools/server/server.cpp``)."""
        return 4 if self.n_parallel is None else self.n_parallel

    @property
    def all_overrides(self) -> tuple[tuple[str, str], ...]:
        """``-ot``, ``--cpu-moe`` and ``--n-cpu-moe`` as overrides, in the order of their effect."""
        experts = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps"
        some = tuple((rf"blk\.{il}{experts}", "CPU") for il in range(self.n_cpu_moe))
        return (*self.overrides, *some, *(((experts, "CPU"),) if self.cpu_moe else ()))

    @property
    def unified(self) -> bool:
        """One KV cache for all slots: the default exactly when the slots are "auto"."""
        return self.n_parallel is None if self.kv_unified is None else self.kv_unified
