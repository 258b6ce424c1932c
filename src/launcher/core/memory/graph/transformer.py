"""Graphs of the transformers that differ only in style (``src/models/*.cpp``, build 11160)."""

from collections.abc import Iterable

from launcher.core.memory.element import F32, I32
from launcher.core.memory.graph.attention import attention_of
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import routed_experts
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.style import Part, Style, positions_per_token, routing_of, tempered
from launcher.core.memory.layout import HOST

_LAYERS_OF_7B = 32
"""Baichuan of another size has no rotary embeddings (``type`` in ``baichuan.cpp``)."""
_UNNORMED_EXPERTS = 128
"""Of Llama 4, the variant with so many experts has no norms of Q and K (``use_kq_norm``)."""


def build_transformer(b: Builder, places: Iterable[Place], style: Style) -> None:
    """Expand the whole graph into ``b.g``."""
    g = b.g
    current = b.embedding()
    if style.scaled_embedding:
        current = g.scale(current)
    if style.normed_embedding:
        current = b.embedding_norm(current, style.norm)
    block = Block(b, style)
    if "position_embd.weight" in b.model.tensors:
        table = b.need_common("position_embd.weight", HOST)
        current = g.add(current, g.get_rows(table, block.positions))
    for place in places:
        current = block(place, current)
    if style.picked == "before_norm":
        current.output = True
        current = g.get_rows(current, block.ids)
    if style.headless:
        g.expand(b.output_norm(current, style.norm))
        return
    result = b.head(current, style.norm, ids=block.ids if style.picked == "after_norm" else None)
    if style.scaled_logits:
        result = g.scale(result)
    if style.capped or (style.scaled_logits and b.model.metadata.number("final_logit_softcapping", 0.0)):
        result = g.scale(g.unary(g.scale(result)))
    g.expand(result)


class Block:
    """Builds one layer after the other."""

    def __init__(self, b: Builder, style: Style) -> None:
        self.b = b
        self.style = style
        self.positions = b.g.input(b.n_tokens * positions_per_token(b, style), element=I32)
        self.temperature = b.g.input(1, 1, b.n_tokens, element=F32) if tempered(b, style) else None
        self.attention = attention_of(b, soft_cap=style.soft_cap)
        self.routing = routing_of(b, style)
        self.residual_scale = style.residual_scale and b.model.residual_scale != 0.0
        self.parallel = style.parallel if b.model.metadata.integer("use_parallel_residual", 1) else None
        self.value_scale = b.model.metadata.number("attention.value_scale", 1.0) != 1.0
        self.windows = any(layer.windowed for layer in b.model.layers)
        self.ids = b.output_ids()

    def __call__(self, place: Place, residual: Node) -> Node:
        b, g, style = self.b, self.b.g, self.style
        normed = self._input_norm(place, residual)
        attended = self._attend(place, self._attention_input(place, residual, normed))
        if style.post_norms and style.picked == "post_norm":
            attended = b.layer_norm(attended, place, "post_attention_norm", style.norm)
        if place.last and style.picked in {"last_layer", "post_norm"}:
            attended, residual, normed = (g.get_rows(a, self.ids) for a in (attended, residual, normed))
        if self.parallel is not None:
            return self._parallel(place, self.parallel, attended, residual, normed)
        if style.post_norms and style.picked != "post_norm":
            attended = b.layer_norm(attended, place, "post_attention_norm", style.norm)
        if self.residual_scale:
            attended = g.scale(attended)
        middle = g.add(attended, residual)
        result = self._feed_forward(place, self._ffn_input(place, middle, normed))
        if style.post_norms:
            result = self._post_norm(place, result)
        if self.residual_scale:
            result = g.scale(result)
        result = g.add(middle, result) if style.residual_first else g.add(result, middle)
        return b.deepen(result) if place.layer.deepened else result

    def _input_norm(self, place: Place, a: Node) -> Node:
        style = self.style
        bare = style.normed_embedding and "attn_norm.weight" not in place.layer.tensors
        if bare or not style.input_norm:
            return a
        return self.b.layer_norm(a, place, "attn_norm", style.norm)

    def _parallel(
        self, place: Place, order: tuple[Part, Part, Part], attended: Node, residual: Node, normed: Node
    ) -> Node:
        if f"{self.style.ffn_norm}.weight" in place.layer.tensors:
            normed = self._ffn_input(place, residual, normed)
        parts: dict[Part, Node] = {
            "attention": attended,
            "feed_forward": self._feed_forward(place, normed),
            "residual": residual,
        }
        first, second, third = (parts[part] for part in order)
        return self.b.g.add(self.b.g.add(first, second), third)

    def _ffn_input(self, place: Place, middle: Node, normed: Node) -> Node:
        style = self.style
        if style.ffn_norm is None:
            return middle
        if style.unnormed_parallel and f"{style.ffn_norm}.weight" not in place.layer.tensors:
            return normed
        return self.b.layer_norm(middle, place, style.ffn_norm, style.norm)

    def _post_norm(self, place: Place, a: Node) -> Node:
        weight = self.b.weight(place, "post_ffw_norm.weight")
        return self.b.norm(a, weight, op=self.style.norm)

    # attention

    def _attention_input(self, place: Place, residual: Node, normed: Node) -> Node:
        if "attn_norm_2.weight" in place.layer.tensors:
            return self.b.layer_norm(residual, place, "attn_norm_2", self.style.norm)
        return normed

    def _attend(self, place: Place, a: Node) -> Node:
        b, g, style = self.b, self.b.g, self.style
        q, k, v = project(b, place, a, flat=style.flat)
        if style.normed_after == "no":
            q, k = self._normed(place, q, k)
        if style.flat:
            q, k, v = heads(b, place, q, k, v)
        rotated = self._rotated(place)
        if rotated:
            factors = b.rotary_factors(place) if style.factors else None
            q, k = g.rope(q, self.positions, factors), g.rope(k, self.positions, factors)
        if style.normed_after == "weighted":
            q, k = self._normed(place, q, k)
        elif style.normed_after == "bare" and rotated and b.model.experts != _UNNORMED_EXPERTS:
            q, k = b.norm(q), b.norm(k)
        if style.scaled_query:
            q = g.scale(q)
        if self.temperature is not None and not (rotated and style.temperature == "unrotated"):
            q = g.mul(q, self.temperature)
        sinks = b.weight(place, "attn_sinks.weight") if style.sinks else None
        gate = b.weight(place, "attn_gate.weight") if style.gated else None
        if gate is None:
            result = self.attention(place, q, k, v, sinks=sinks)
        else:
            result = self.attention(place, q, k, v, sinks=sinks, out=None)
            result = b.product(place, "attn_output", self._weighed(place, result, g.mul_mat(gate, a)))
        return g.scale(result) if self.value_scale else result

    def _weighed(self, place: Place, a: Node, gate: Node) -> Node:
        """`a`, the heads' results, times the gate: one weight per element or per head."""
        g, layer, tokens = self.b.g, place.layer, self.b.n_tokens
        weights = g.unary(gate)
        if gate.ne[0] != layer.heads:
            return g.mul(a, weights)
        heads_ = g.reshape(a, layer.value_length, layer.heads, tokens)
        return g.reshape(g.mul(heads_, g.reshape(weights, 1, layer.heads, tokens)), *a.ne)

    def _rotated(self, place: Place) -> bool:
        if place.layer.unrotated:
            return False
        rule = self.style.rotary
        if rule == "switched":
            return self.b.model.metadata.integer("rope.scaling.finetuned", 1) != 0
        if rule == "at_7B":
            return self.b.model.n_layer == _LAYERS_OF_7B
        if rule == "windows_and_dense" and "ffn_gate_inp.weight" not in place.layer.tensors:
            return True
        return rule == "all" or place.layer.windowed or (rule == "mixed" and not self.windows)

    def _normed(self, place: Place, q: Node, k: Node) -> tuple[Node, Node]:
        b, op = self.b, self.style.norm
        if "attn_q_norm.weight" in place.layer.tensors:
            q = b.layer_norm(q, place, "attn_q_norm", op)
        if "attn_k_norm.weight" in place.layer.tensors:
            k = b.layer_norm(k, place, "attn_k_norm", op)
        return q, k

    # feed-forward

    def _feed_forward(self, place: Place, a: Node) -> Node:
        b, style = self.b, self.style
        if "ffn_gate_inp.weight" not in place.layer.tensors:
            return b.feed_forward(place, a, halves=style.halves, squared=style.squared)
        routed = routed_experts(b, place, a, self.routing)
        if style.shared == "none" or "ffn_up_shexp.weight" not in place.layer.tensors:
            return routed
        result = b.g.add(routed, shared_expert(b, place, a, gated=style.shared == "gated"))
        return b.g.scale(result) if style.shared == "halved" else result


def shared_expert(b: Builder, place: Place, a: Node, *, gated: bool) -> Node:
    """The expert that every token passes, optionally weighed by its own gate."""
    tensors = place.layer.tensors
    halves = tensors["ffn_up_shexp.weight"].shape[1] == 2 * tensors["ffn_down_shexp.weight"].shape[0]
    result = b.feed_forward(place, a, "_shexp", halves=halves)
    if not gated:
        return result
    gate = b.g.unary(b.g.mul_mat(b.need(place, "ffn_gate_inp_shexp.weight"), a))
    return b.g.mul(result, gate)


def project(
    b: Builder, place: Place, a: Node, *, flat: bool, query_factor: int = 1
) -> tuple[Node, Node, Node]:
    """Q, K and V of a layer, from one product or three; split into heads unless `flat`."""
    g, layer, tokens = b.g, place.layer, b.n_tokens
    widths = (layer.key_length * layer.heads * query_factor, layer.key_width, layer.value_width)
    if "attn_qkv.weight" not in layer.tensors:
        q, k, v = (_clamped(b, b.product(place, name, a)) for name in ("attn_q", "attn_k", "attn_v"))
        return (q, k, v) if flat else heads(b, place, q, k, v)
    fused = _clamped(b, b.product(place, "attn_qkv", a))
    if flat:
        q, k, v = (g.cont(g.view(fused, (width, tokens), (fused.nb[1],))) for width in widths)
        return q, k, v
    shapes = (
        (layer.key_length, layer.heads, tokens),
        (layer.key_length, layer.heads_kv, tokens),
        (layer.value_length, layer.heads_kv, tokens),
    )
    q, k, v = (g.view(fused, shape, (shape[0] * 4, fused.nb[1])) for shape in shapes)
    return q, k, v


def _clamped(b: Builder, a: Node) -> Node:
    return b.g.like("clamp", a) if b.model.metadata.number("attention.clamp_kqv", 0.0) > 0.0 else a


def heads(b: Builder, place: Place, q: Node, k: Node, v: Node) -> tuple[Node, Node, Node]:
    """Flat Q, K and V split into heads."""
    g, layer, tokens = b.g, place.layer, b.n_tokens
    return (
        g.reshape(q, layer.key_length, layer.heads, tokens),
        g.reshape(k, layer.key_length, layer.heads_kv, tokens),
        g.reshape(v, layer.value_length, layer.heads_kv, tokens),
    )
