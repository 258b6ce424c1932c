"""Multi-head latent attention: deepseek2 and its kin (``src/models/deepseek2.cpp``, build 11160).

minicpm3 scales the embeddings, what it adds to the residual, and the output (``minicpm3.cpp``).
"""

from collections.abc import Iterable

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Attention
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import header_routing, routed_experts
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.transformer import shared_expert


def build_latent(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    g = b.g
    current = b.embedding()
    block = LatentBlock(b)
    if block.scaled:
        current = g.scale(current)
    for place in places:
        current = block(place, current)
    result = b.output_norm(current)
    g.expand(b.logits(g.scale(result) if block.scaled else result))


class LatentBlock:
    """Builds one layer after the other; `attend` gives another kind of attention.

    picks_last: the last layer picks the rows that yield logits.
    """

    picks_last = True

    def __init__(self, b: Builder) -> None:
        self.b = b
        meta = b.model.metadata
        tempered = meta.number("attention.temperature_scale", 0.0) != 0.0
        self.temperature = b.g.input(1, 1, b.n_tokens) if tempered else None
        self.positions = b.g.input(b.n_tokens, element=I32)
        self.attention = Attention(b)
        self.ids = b.output_ids()
        self.rank = meta.integer("attention.kv_lora_rank")
        self.rotary = meta.integer("rope.dimension_count", b.model.layers[0].key_length)
        self.head = meta.integer("attention.key_length_mla", 0) or b.model.layers[0].key_length
        self.routing = header_routing(b, "softmax")
        self.scaled = b.model.architecture == "minicpm3"

    def __call__(self, place: Place, residual: Node) -> Node:
        b, g = self.b, self.b.g
        attended = self.attend(place, b.layer_norm(residual, place, "attn_norm"))
        if place.last and self.picks_last:
            attended, residual = g.get_rows(attended, self.ids), g.get_rows(residual, self.ids)
        middle = g.add(self._scale(attended), residual)
        inner = b.layer_norm(middle, place, "ffn_norm")
        return g.add(self._scale(self._feed_forward(place, inner)), middle)

    def _scale(self, a: Node) -> Node:
        return self.b.g.scale(a) if self.scaled else a

    def rope(self, place: Place, a: Node) -> Node:
        """The rotary embedding of `a`."""
        return self.b.g.rope(a, self.positions, self.b.rotary_factors(place) if self.scaled else None)

    def _feed_forward(self, place: Place, a: Node) -> Node:
        if "ffn_gate_inp.weight" not in place.layer.tensors:
            return self.b.feed_forward(place, a)
        routed = routed_experts(self.b, place, a, self.routing)
        return self.b.g.add(routed, shared_expert(self.b, place, a, gated=False))

    def attend(self, place: Place, a: Node) -> Node:
        """Attention of one layer over its latent cache, or over full keys and values."""
        q = self.b.g.reshape(self.query(place, a), self.head, place.layer.heads, self.b.n_tokens)
        latent, k_rotary = self.compressed(place, a)
        if self.b.model.mla:
            return self.absorbed(place, q, latent, k_rotary)
        return self._expanded(place, q, latent, k_rotary)

    def compressed(self, place: Place, a: Node) -> tuple[Node, Node]:
        """The latent vector and the part of the keys with positions."""
        b, g, tokens = self.b, self.b.g, self.b.n_tokens
        both = g.mul_mat(b.need(place, "attn_kv_a_mqa.weight"), a)
        row = (self.rank + self.rotary) * 4
        latent = g.view(both, (self.rank, tokens), (row,))
        k_rotary = self.rope(place, g.view(both, (self.rotary, 1, tokens), (row, row)))
        return b.layer_norm(latent, place, "attn_kv_a_norm"), k_rotary

    def query(self, place: Place, a: Node) -> Node:
        """Q of all heads, in one product or in two."""
        b, g = self.b, self.b.g
        if "attn_q.weight" in place.layer.tensors:
            return g.mul_mat(b.need(place, "attn_q.weight"), a)
        low = b.layer_norm(g.mul_mat(b.need(place, "attn_q_a.weight"), a), place, "attn_q_a_norm")
        return g.mul_mat(b.need(place, "attn_q_b.weight"), low)

    def absorbed(
        self, place: Place, q: Node, latent: Node, k_rotary: Node, *, out: str | None = "attn_output"
    ) -> Node:
        """The cache holds the latent vector; the key's matrix is absorbed into the query."""
        b, g, tokens, heads = self.b, self.b.g, self.b.n_tokens, place.layer.heads
        plain = g.view(q, (self.head - self.rotary, heads, tokens), q.nb[1:3])
        rotary = self.rope(place, g.view(q, (self.rotary, heads, tokens), q.nb[1:3]))
        absorbed = g.mul_mat(b.need(place, "attn_k_b.weight"), g.permute(plain, 0, 2, 1, 3))
        query = g.concat(g.permute(absorbed, 0, 2, 1, 3), rotary, 0)
        value = g.reshape(latent, self.rank, 1, tokens)
        key = g.concat(value, k_rotary, 0)
        if self.temperature is not None:
            query = g.mul(query, self.temperature)
        return self.attention(place, query, key, value, v_mla=b.need(place, "attn_v_b.weight"), out=out)

    def _expanded(self, place: Place, q: Node, latent: Node, k_rotary: Node) -> Node:
        """The cache holds full keys and values (files without the absorbed matrices)."""
        b, g, tokens, heads = self.b, self.b.g, self.b.n_tokens, place.layer.heads
        plain, value_length = self.head - self.rotary, place.layer.value_length
        both = g.mul_mat(b.need(place, "attn_kv_b.weight"), latent)
        row = (plain + value_length) * 4
        k_plain = g.view(both, (plain, heads, tokens), (row, row * heads))
        value = g.cont(g.view(both, (value_length, heads, tokens), (row, row * heads)))
        query = self.rope(place, q)
        key = g.concat(k_plain, g.repeat(k_rotary, self.rotary, heads, tokens), 0)
        if self.temperature is not None:
            query = g.mul(query, self.temperature)
        return self.attention(place, query, key, value)
