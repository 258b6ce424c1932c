"""Encoders that yield embeddings: bert and its kin (``src/models/bert.cpp``, build 11160)."""

from collections.abc import Iterable

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Uncached
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import Routing, routed_experts
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.transformer import project
from launcher.core.memory.layout import HOST

_ROTARY = frozenset({"jina-bert-v3", "nomic-bert", "nomic-bert-moe"})


def build_bert(b: Builder, places: Iterable[Place]) -> None:
    """Norms come after attention and after the feed-forward, none before."""
    g = b.g
    positions = g.input(b.n_tokens, element=I32)
    current = _embedding(b, positions)
    attention, ids = Uncached(b), b.output_ids()
    for place in places:
        q, k, v = _project(b, place, current)
        if b.model.architecture in _ROTARY:
            q, k = g.rope(q, positions), g.rope(k, positions)
        attended = attention(place, q, k, v)
        if place.last:
            attended, current = g.get_rows(attended, ids), g.get_rows(current, ids)
        middle = b.layer_norm(g.add(attended, current), place, "attn_output_norm", "norm")
        if "attn_norm_2.weight" in place.layer.tensors:
            middle = b.layer_norm(g.add(middle, current), place, "attn_norm_2", "norm")
        result = g.add(_feed_forward(b, place, middle), middle)
        current = b.layer_norm(result, place, "layer_output_norm", "norm")
    current.output = True
    g.expand(current)


def _embedding(b: Builder, positions: Node) -> Node:
    g = b.g
    result = b.embedding()
    types = b.common("token_types.weight", HOST)
    if types is not None:
        result = g.add(result, g.view(types, (b.model.n_embd,), ()))
    if b.model.architecture == "bert":
        result = g.add(g.get_rows(b.need_common("position_embd.weight", HOST), positions), result)
    return b.embedding_norm(result)


def _project(b: Builder, place: Place, a: Node) -> tuple[Node, Node, Node]:
    q, k, v = project(b, place, a, flat=False)
    if "attn_q_norm.weight" in place.layer.tensors:
        q, k = _flat_norm(b, place, q, "attn_q_norm"), _flat_norm(b, place, k, "attn_k_norm")
    return q, k, v


def _flat_norm(b: Builder, place: Place, a: Node, name: str) -> Node:
    """A norm over all heads."""
    flat = b.g.reshape(a, a.ne[0] * a.ne[1], a.ne[2])
    return b.g.reshape(b.layer_norm(flat, place, name, "norm"), *a.ne)


def _feed_forward(b: Builder, place: Place, a: Node) -> Node:
    layer = place.layer
    if "ffn_gate_inp.weight" in layer.tensors:
        return routed_experts(b, place, a, Routing(normalised=False))
    wide = layer.tensors["ffn_up.weight"].shape[1] != layer.feed_forward
    return b.feed_forward(place, a, halves=wide and "ffn_gate.weight" not in layer.tensors)
