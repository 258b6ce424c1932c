"""Pruned llamas, whose layers may lack attention or feed-forward (``src/models/deci.cpp``, build 11160)."""

from collections.abc import Iterable

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Attention
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.transformer import project


def build_deci(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph; a layer without feed-forward changes nothing, as in the engine."""
    g = b.g
    current = b.embedding()
    positions = g.input(b.n_tokens, element=I32)
    attention, ids = Attention(b), b.output_ids()
    for place in places:
        attended = _attend(b, attention, place, current, positions) if place.layer.heads else current
        residual = current
        if place.last:
            attended, residual = g.get_rows(attended, ids), g.get_rows(residual, ids)
        if not place.layer.feed_forward:
            continue
        middle = g.add(attended, residual) if place.layer.heads else attended
        current = g.add(b.feed_forward(place, b.layer_norm(middle, place, "ffn_norm")), middle)
    g.expand(b.head(current))


def _attend(b: Builder, attention: Attention, place: Place, a: Node, positions: Node) -> Node:
    g = b.g
    normed = b.layer_norm(a, place, "attn_norm")
    if not place.layer.heads_kv:
        return b.product(place, "attn_output", normed)
    q, k, v = project(b, place, normed, flat=False)
    factors = b.rotary_factors(place)
    return attention(place, g.rope(q, positions, factors), g.rope(k, positions, factors), v)
