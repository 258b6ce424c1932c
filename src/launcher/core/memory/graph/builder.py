"""Builder: the parts of a graph that architectures share (``src/llama-graph.cpp``, build 11160)."""

from dataclasses import dataclass, field
from typing import Literal

from launcher.core.header import Tensor
from launcher.core.memory.element import F16, F32, I32, Element
from launcher.core.memory.graph.graph import Graph
from launcher.core.memory.graph.node import Node
from launcher.core.memory.layout import HOST, Exceptions
from launcher.core.memory.sizing import Sizing
from launcher.core.memory.weights import is_quantized
from launcher.core.model import Layer, Model

NormOp = Literal["rms_norm", "norm"]


@dataclass(slots=True, eq=False)
class Place:
    """One layer in the graph: its facts, its device, tensors elsewhere; `last` picks the outputs.

    source: the layer whose cache it reads, None for its own.
    """

    layer: Layer
    home: int
    moved: dict[str, int]
    last: bool = False
    source: "Place | None" = None
    weights: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a graph is built for: the devices and where things outside the layers lie.

    gpus: number of GPUs. first: home of layer 0. output: home of the output. moved: overrides of
    tensors outside the layers. window_cells: cells of a window cache. crowd: layers on each device,
    the host last, where a graph of a few of them must know how many there are; else empty.
    """

    gpus: int
    first: int
    output: int
    kv_offload: bool
    window_cells: int
    moved: Exceptions
    crowd: tuple[int, ...] = ()


class Builder:
    """Makes nodes for one graph of `sizing.n_tokens` tokens."""

    def __init__(self, model: Model, sizing: Sizing, ground: Ground) -> None:
        self.model = model
        self.sizing = sizing
        self.ground = ground
        self.g = Graph()
        self.n_tokens = sizing.n_tokens
        self._moved = dict(ground.moved)
        self._common: dict[tuple[str, int], Node] = {}
        self._embedded: Node

    # leaves

    def weight(self, place: Place, name: str) -> Node | None:
        """A weight of this layer, None when the model lacks it."""
        found = place.weights.get(name)
        if found is None:
            tensor = place.layer.tensors.get(name)
            if tensor is None:
                return None
            found = place.weights[name] = self._leaf(tensor, place.moved.get(name, place.home))
        return found

    def need(self, place: Place, name: str) -> Node:
        """A weight that the architecture can't do without. Raises LookupError."""
        found = self.weight(place, name)
        if found is None:
            raise LookupError(name)
        return found

    def common(self, name: str, home: int) -> Node | None:
        """A weight outside the layers, on `home` unless moved; None when the model lacks it."""
        tensor = self.model.tensors.get(name)
        if tensor is None:
            return None
        place = self._moved.get(name, home)
        found = self._common.get((name, place))
        if found is None:
            found = self._common[name, place] = self._leaf(tensor, place)
        return found

    def need_common(self, name: str, home: int) -> Node:
        """A weight outside the layers that must exist. Raises LookupError."""
        found = self.common(name, home)
        if found is None:
            raise LookupError(name)
        return found

    def _leaf(self, tensor: Tensor, home: int) -> Node:
        ne = (*tensor.shape, 1, 1, 1, 1)
        node = self.g.stored(home, (ne[0], ne[1], ne[2], ne[3]), _element(tensor), weight=True)
        node.nbytes = tensor.nbytes
        return node

    # inputs and outputs

    def embedding(self) -> Node:
        """Token embeddings, looked up on the host, beside the input for ready-made embeddings;
        scaled if the header says so. They are wider where later layers get a part of them (deepstack)."""
        table = self.need_common("token_embd.weight", HOST)
        g, model, tokens = self.g, self.model, self.n_tokens
        rows = g.get_rows(table, g.input(tokens, element=I32))
        deeper = model.n_embd * model.deepstack
        if deeper:
            rows = g.padded(rows, deeper)
        g.expand(rows)
        g.expand(g.input(model.n_embd + deeper, tokens))
        if deeper:
            rows = g.view(rows, (model.n_embd, tokens), rows.nb[1:2])
        self._embedded = rows
        if model.embedding_scale:
            return g.expand(g.scale(g.cont(rows) if deeper else rows))
        return rows

    def deepen(self, a: Node) -> Node:
        """`a` and the part of the input embeddings that is meant for this layer (deepstack)."""
        wide = self._embedded
        return self.g.add(a, self.g.view(wide, a.ne[:2], wide.nb[1:2]))

    def output_ids(self) -> Node:
        """Which rows of the micro-batch yield logits."""
        return self.g.input(self.sizing.n_outputs, element=I32)

    def head(self, a: Node, norm: NormOp = "rms_norm", *, ids: Node | None = None) -> Node:
        """The output norm and the product with the output matrix (the token embedding if tied).

        ids: the rows to pick, where the architecture picks them after the norm.
        """
        normed = self.output_norm(a, norm)
        if ids is None:
            return self.logits(normed)
        rows = self.g.get_rows(normed, ids)
        rows.output = True
        return self.logits(rows)

    def output_norm(self, a: Node, norm: NormOp = "rms_norm") -> Node:
        """The norm before the output; neo-bert and lfm2 have other names for it.

        What the engine hands out as embeddings is never freed nor overwritten (``set_outputs``).
        """
        home = self.ground.output
        names = ("output_norm.weight", "enc.output_norm.weight", "token_embd_norm.weight")
        weight = next((found for found in (self.common(name, home) for name in names) if found), None)
        normed = self.norm(a, weight, self.common("output_norm.bias", home), op=norm)
        normed.output = True
        return normed

    def embedding_norm(self, a: Node, norm: NormOp = "norm") -> Node:
        """The norm after the token embeddings, which lies with the first layer."""
        weight, bias = (
            self.common(f"token_embd_norm.{part}", self.ground.first) for part in ("weight", "bias")
        )
        return self.norm(a, weight, bias, op=norm)

    def logits(self, a: Node) -> Node:
        """The product with the output matrix, and its bias."""
        home = self.ground.output
        matrix = self.common("output.weight", home) or self.need_common("token_embd.weight", home)
        result = self.g.mul_mat(matrix, a)
        bias = self.common("output.bias", home)
        return result if bias is None else self.g.add(result, bias)

    def rotary_factors(self, place: Place) -> Node | None:
        """Factors of the rotary embedding (``get_rope_factors``): for long contexts other ones."""
        for name in ("rope_freqs.weight", self._scaled_factors):
            found = self.common(name, place.home)
            if found is not None:
                return found
        return None

    @property
    def _scaled_factors(self) -> str:
        trained = self.model.metadata.integer("rope.scaling.original_context_length", self.model.n_ctx_train)
        return f"rope_factors_{'long' if self.sizing.n_ctx_seq > trained else 'short'}.weight"

    # norms, products, feed-forward

    def norm(
        self,
        a: Node,
        weight: Node | None = None,
        bias: Node | None = None,
        *,
        op: NormOp = "rms_norm",
    ) -> Node:
        """A norm with its weight and bias."""
        result = self.g.like(op, a)
        if weight is not None:
            result = self.g.mul(result, weight)
        return result if bias is None else self.g.add(result, bias)

    def layer_norm(self, a: Node, place: Place, name: str, op: NormOp = "rms_norm") -> Node:
        """A norm with this layer's weights of that name."""
        return self.norm(a, self.weight(place, f"{name}.weight"), self.weight(place, f"{name}.bias"), op=op)

    def product(self, place: Place, name: str, a: Node) -> Node:
        """``name.weight`` times `a`, times ``name.scale``, plus ``name.bias``, as far as they exist."""
        result = self.g.mul_mat(self.need(place, f"{name}.weight"), a)
        scale = self.weight(place, f"{name}.scale")
        if scale is not None:
            result = self.g.mul(result, scale)
        bias = self.weight(place, f"{name}.bias")
        return result if bias is None else self.g.add(result, bias)

    def clamped_glu(self, gate: Node, up: Node) -> Node:
        """A gated activation with a limit for both parts."""
        g = self.g
        return g.mul(g.like("clamp", g.unary(gate)), g.like("clamp", up))

    def feed_forward(
        self, place: Place, a: Node, suffix: str = "", *, halves: bool = False, squared: bool = False
    ) -> Node:
        """The feed-forward block: gated when there is a gate or `halves`, else one activation."""
        up = self.product(place, f"ffn_up{suffix}", a)
        if f"ffn_gate{suffix}.weight" in place.layer.tensors:
            gate = self.product(place, f"ffn_gate{suffix}", a)
            result = self.clamped_glu(gate, up) if place.layer.clamped_dense else self.g.glu(gate, up)
        elif halves:
            result = self.g.glu_halves(up)
        else:
            result = self.g.unary(up)
            if squared:
                result = self.g.like("sqr", result)
        return self.product(place, f"ffn_down{suffix}", result)


_ELEMENTS: dict[int, Element] = {0: F32, 1: F16}


def _element(tensor: Tensor) -> Element:
    element = _ELEMENTS.get(tensor.type)
    if element is None:
        block = 256 if is_quantized(tensor.type) else 1
        size = max(tensor.nbytes * block // tensor.elements, 1)
        element = _ELEMENTS[tensor.type] = Element(f"type {tensor.type}", tensor.type, block, size)
    return element
