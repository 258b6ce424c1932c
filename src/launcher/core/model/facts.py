"""Model: the facts of a GGUF header that decide memory (``src/llama-model.cpp``, build 11160)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from launcher.core.errors import failure
from launcher.core.header import Header, Tensor
from launcher.core.model.heads import Heads
from launcher.core.model.marks import clamped, deepened, indexed, unrotated
from launcher.core.model.metadata import Metadata
from launcher.core.model.recurrence import Recurrence, StateSpace, read_recurrence
from launcher.core.model.windows import WindowKind, Windows, read_windows

MAX_LAYERS = 512
"""``LLAMA_MAX_LAYERS`` in ``src/llama-hparams.h``."""

_BLOCK = re.compile(r"blk\.(\d+)\.(.+)")
_NO_CACHE = frozenset(
    {
        "bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert",
        "wavtokenizer-dec", "modern-bert", "gemma-embedding", "dream", "llada", "llada-moe", "rnd1",
    }
)  # fmt: skip

_HEADLESS = frozenset(
    {
        "bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "modern-bert", "neo-bert",
        "eurobert",
    }
)  # fmt: skip
"""They yield embeddings and have no output matrix."""

_SPARSE_LAYERS = 10
"""``n_layer_sparsity`` in ``src/models/models.h``: the first layers of gemma3n are sparse."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the model.

    heads, heads_kv: attention heads; key_length, value_length: elements per head in the cache.
    windowed: keeps only a sliding window. cached: owns a KV cache. recurrent: owns a state.
    reads: the layer whose cache this one reads, None for its own. sparse: keeps only its largest
    activations (gemma3n). unrotated: has no rotary embeddings, whatever its window (afmoe, smollm3).
    deepened: gets a part of the input embeddings added to its result (deepstack). indexed: elements
    per token in the cache of its indexer, 0 without one (sparse attention). clamped_experts,
    clamped_dense: the activations of routed experts, or of other feed-forwards, are limited.
    predicts: a NextN (MTP) block, loaded only for drafting. kind: layers of equal kind have equal
    facts and tensors; form: the same but for the types of the tensors.
    """

    heads: int
    heads_kv: int
    key_length: int
    value_length: int
    feed_forward: int
    experts_used: int
    windowed: bool
    cached: bool
    recurrent: bool
    predicts: bool
    reads: int | None
    sparse: bool
    unrotated: bool
    deepened: bool
    indexed: int
    clamped_experts: bool
    clamped_dense: bool
    tensors: Mapping[str, Tensor] = field(repr=False)
    kind: int
    form: int

    @property
    def key_width(self) -> int:
        """Elements of K per token."""
        return self.key_length * self.heads_kv

    @property
    def value_width(self) -> int:
        """Elements of V per token."""
        return self.value_length * self.heads_kv


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What the engine reads of a header; `layers` includes NextN (MTP) blocks at the end.

    experts: routed experts per layer, 0 for a dense model. mla: K only in the cache, V is a view
    of it. window: tokens of a sliding window, 0 without. states: elements per recurrent layer and
    sequence, (convolution, state).
    """

    header: Header
    architecture: str
    name: str | None
    layers: tuple[Layer, ...]
    n_layer: int
    n_embd: int
    n_vocab: int | None
    n_ctx_train: int
    experts: int
    experts_used: int
    experts_shared: int
    mla: bool
    window_kind: WindowKind
    window: int
    states: tuple[int, int]
    space: StateSpace
    has_cache: bool
    tensors: Mapping[str, Tensor] = field(repr=False)
    metadata: Metadata = field(repr=False)

    @classmethod
    def of(cls, header: Header) -> "Model":
        """The facts of `header`. Raises LauncherError naming a key that is missing or malformed."""
        if "general.architecture" not in header.metadata:
            raise failure("the header lacks general.architecture")
        return _read(header)

    @property
    def n_layer_all(self) -> int:
        """Layers with NextN (MTP) blocks."""
        return len(self.layers)

    @property
    def nextn_layers(self) -> int:
        """NextN (MTP) blocks at the end."""
        return len(self.layers) - self.n_layer

    @property
    def moe(self) -> bool:
        return self.experts > 0

    @property
    def tied(self) -> bool:
        """The output is the token embedding (copied to the output's device)."""
        return "output.weight" not in self.tensors and self.architecture not in _HEADLESS

    @property
    def deepstack(self) -> int:
        """Further parts of the input embeddings, which go to later layers."""
        mapping = self.metadata.array("deepstack_mapping") or ()
        return self.metadata.integer("n_deepstack_layers", len({index for index in mapping if index >= 0}))

    @property
    def embedding_scale(self) -> float:
        """Factor of the input embeddings, 0 for none; minicpm has one that its older files lack."""
        return self.metadata.number("embedding_scale", 12.0 if self.architecture == "minicpm" else 0.0)

    @property
    def residual_scale(self) -> float:
        """Factor of what is added to the residual, 0 for none; minicpm has one that its older files lack."""
        return self.metadata.number("residual_scale", 0.2 if self.architecture == "minicpm" else 0.0)

    @property
    def sparse(self) -> bool:
        """At least one layer has an indexer that chooses the tokens to attend to."""
        return any(layer.indexed for layer in self.layers)

    @property
    def recurrent(self) -> bool:
        """At least one layer keeps a recurrent state."""
        return any(layer.recurrent for layer in self.layers)


def _read(header: Header) -> Model:
    meta = Metadata(header.architecture, header.metadata)
    n_layer_all, nextn = meta.integer("block_count"), meta.integer("nextn_predict_layers", 0)
    if not nextn < n_layer_all <= MAX_LAYERS:
        raise failure(f"expected 1 to {MAX_LAYERS} layers, found {n_layer_all} of which {nextn} predict")
    n_layer = n_layer_all - nextn
    n_embd = meta.integer("embedding_length")
    common, blocks = _split_tensors(header.tensors)
    windows = read_windows(meta, n_layer, n_layer_all)
    heads = Heads.read(meta, n_layer_all, n_embd)
    recurrence = read_recurrence(meta, n_layer, n_layer_all, n_embd, heads)
    has_cache = meta.architecture not in _NO_CACHE
    used = meta.per_layer("expert_used_count", n_layer_all, 0)
    return Model(
        header=header,
        architecture=meta.architecture,
        name=_text(header, "general.name"),
        layers=_layers(meta, n_layer, heads, windows, recurrence, used, blocks),
        n_layer=n_layer,
        n_embd=n_embd,
        n_vocab=meta.vocabulary(),
        n_ctx_train=meta.integer("context_length"),
        experts=meta.integer("expert_count", 0),
        experts_used=max(used, default=0),
        experts_shared=meta.integer("expert_shared_count", 0),
        mla=meta.integer("attention.key_length_mla", 0) > 0,
        window_kind=windows.kind,
        window=windows.size,
        states=(recurrence.conv_elements, recurrence.state_elements),
        space=recurrence.space,
        has_cache=has_cache,
        tensors=common,
        metadata=meta,
    )


def _layers(
    meta: Metadata,
    n_layer: int,
    heads: Heads,
    windows: Windows,
    recurrence: Recurrence,
    used: tuple[int, ...],
    blocks: Mapping[int, Mapping[str, Tensor]],
) -> tuple[Layer, ...]:
    n_layer_all = len(heads.query)
    shared_from = _first_sharing_layer(meta, n_layer_all)
    has_cache = meta.architecture not in _NO_CACHE
    parts, still = deepened(meta, n_layer_all), unrotated(meta, n_layer_all)
    clamped_experts, clamped_dense = (
        clamped(meta, name, n_layer_all) for name in ("swiglu_clamp_exp", "swiglu_clamp_shexp")
    )
    forms: dict[object, int] = {}
    kinds: dict[object, int] = {}
    layers = []
    for il in range(n_layer_all):
        key_length, value_length = heads.window_lengths if windows.layers[il] else heads.lengths
        tensors = blocks.get(il, {})
        cached = has_cache and recurrence.attends[il] and il < min(shared_from, n_layer)
        facts = (
            heads.query[il], heads.key_value[il], key_length, value_length, heads.feed_forward[il], used[il],
            windows.layers[il], cached, recurrence.layers[il], il >= n_layer,
            _source(shared_from, windows.layers, il), meta.architecture == "gemma3n" and il < _SPARSE_LAYERS,
            still[il], parts[il],
            indexed(meta, n_layer, il), clamped_experts[il], clamped_dense[il],
        )  # fmt: skip
        shape = tuple((name, tensor.shape) for name, tensor in tensors.items())
        form = forms.setdefault((facts, shape), len(forms))
        types = tuple(tensor.type for tensor in tensors.values())
        layers.append(Layer(*facts, tensors, kinds.setdefault((form, types), len(kinds)), form))
    return tuple(layers)


def _split_tensors(tensors: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], dict[int, dict[str, Tensor]]]:
    common: dict[str, Tensor] = {}
    blocks: dict[int, dict[str, Tensor]] = {}
    for tensor in tensors:
        match = _BLOCK.fullmatch(tensor.name)
        if match is None:
            common[tensor.name] = tensor
        else:
            blocks.setdefault(int(match[1]), {})[match[2]] = tensor
    return common, blocks


def _source(shared_from: int, windowed: tuple[bool, ...], il: int) -> int | None:
    """The last layer with a cache of its own that is windowed as this one is (``reuse`` in the engine)."""
    return shared_from - (2 if windowed[il] else 1) if il >= shared_from else None


def _first_sharing_layer(meta: Metadata, n_layer_all: int) -> int:
    """From this layer on, layers read the cache of an earlier one (gemma3n, gemma4)."""
    if meta.architecture == "gemma3n":
        return 20
    if meta.architecture == "gemma4":
        return n_layer_all - meta.integer("attention.shared_kv_layers", 0)
    return n_layer_all


def _text(header: Header, key: str) -> str | None:
    value = header.metadata.get(key)
    return value if isinstance(value, str) else None
