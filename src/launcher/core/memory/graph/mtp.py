"""Graphs of MTP blocks, which draft the next tokens (``graph_mtp`` in ``src/models/*.cpp``, build 11160)."""

from collections.abc import Callable, Iterable

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Attention
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import Routing
from launcher.core.memory.graph.hybrid import experts_or_dense, gated_attention, gated_attention_next
from launcher.core.memory.graph.latent import LatentBlock
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.style import Style
from launcher.core.memory.graph.transformer import Block
from launcher.core.memory.layout import HOST

Body = Callable[[Place, Node], Node]


def draft_transformer(b: Builder, places: Iterable[Place], style: Style) -> None:
    """A block like the layers of the transformer."""
    block = Block(b, style)
    _build(b, places, block, block.ids)


def draft_latent(b: Builder, places: Iterable[Place]) -> None:
    """A block with latent attention."""
    block = LatentBlock(b)
    _build(b, places, block, block.ids)


def draft_delta(b: Builder, places: Iterable[Place]) -> None:
    """A block with the full attention of qwen3next, qwen35 and qwen35moe."""
    g = b.g
    qwen3next = b.model.architecture == "qwen3next"
    positions = g.input(b.n_tokens * (1 if qwen3next else 4), element=I32)
    attention, ids = Attention(b), b.output_ids()
    attend = gated_attention_next if qwen3next else gated_attention

    def body(place: Place, a: Node) -> Node:
        middle = g.add(attend(b, attention, place, b.layer_norm(a, place, "attn_norm"), positions), a)
        inner = b.layer_norm(middle, place, "post_attention_norm")
        return g.add(experts_or_dense(b, place, inner, Routing(), gated=True), middle)

    _build(b, places, body, ids)


def _build(b: Builder, places: Iterable[Place], body: Body, ids: Node) -> None:
    """What all have in common: the token's embedding beside the hidden state of the one before it."""
    g, home = b.g, b.ground.output
    (place,) = places
    place.last = False
    hidden = g.input(b.model.n_embd, b.n_tokens)
    table = b.weight(place, "nextn.embed_tokens.weight") or b.need_common("token_embd.weight", HOST)
    embedded = g.get_rows(table, g.input(b.n_tokens, element=I32))
    hidden = b.norm(hidden, b.need(place, "nextn.hnorm.weight"))
    embedded = b.norm(embedded, b.need(place, "nextn.enorm.weight"))
    result = body(place, b.product(place, "nextn.eh_proj", g.concat(embedded, hidden, 0)))
    norm = b.weight(place, "nextn.shared_head_norm.weight") or b.common("output_norm.weight", home)
    normed = b.norm(result, norm)
    normed.output = True
    rows = g.get_rows(normed, ids)
    matrix = b.weight(place, "nextn.shared_head_head.weight")
    g.expand(b.logits(rows) if matrix is None else g.mul_mat(matrix, rows))
