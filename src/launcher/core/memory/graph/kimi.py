"""Kimi Linear: delta attention with latent attention in between (``kimi-linear.cpp``, build 11160)."""

from collections.abc import Iterable
from dataclasses import replace

from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.latent import LatentBlock
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.recurrent import States

Heads = tuple[int, int, int, int]
"""Shape of Q, K and V: length, heads, tokens, sequences."""


def build_kimi_linear(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    current = b.embedding()
    block = _Block(b)
    for place in places:
        current = block(place, current)
    b.g.expand(b.head(current))


class _Block(LatentBlock):
    """Latent attention without positions, or delta attention."""

    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        self.states = States(b)
        self.routing = replace(self.routing, normalised=True)

    def rope(self, place: Place, a: Node) -> Node:
        return a

    def attend(self, place: Place, a: Node) -> Node:
        self.b.g.expand(a)
        return self._delta(place, a) if place.layer.recurrent else super().attend(place, a)

    def _delta(self, place: Place, a: Node) -> Node:
        b, g, states = self.b, self.b.g, self.states
        length, heads = b.model.space.kda_head, place.layer.heads
        shape: Heads = (length, heads, states.per_sequence, states.sequences)
        past = states.read(place, conv=True)
        q, k, v = (self._convolved(place, a, past, name, shape) for name in ("q", "k", "v"))
        decay = self._decay(place, a, shape)
        weights = g.reshape(g.mul_mat(b.need(place, "ssm_beta.weight"), a), 1, *shape[1:])
        beta = g.unary(weights)
        state = g.reshape(states.read(place, conv=False), length, length, heads, states.sequences)
        q, k = g.scale(b.norm(q)), g.scale(b.norm(k))
        rows = b.n_tokens + length * states.sequences
        result = Node("gated_delta_net", (length * heads, rows, 1, 1), [q, k, v, decay, beta, state])
        row, step = length * 4, length * heads * 4
        output = g.cont(g.view(result, shape, (row, step, step * shape[2])))
        after = g.view(result, (length, length, heads, shape[3]), (row, row * length, row * length * heads))
        states.write(place, after, conv=False)
        return self._weighed(place, a, output)

    def _convolved(self, place: Place, a: Node, past: Node, name: str, shape: Heads) -> Node:
        """Q, K or V after its convolution, whose past tokens are stored."""
        b, g = self.b, self.b.g
        length, heads, tokens, seqs = shape
        inner, taps = length * heads, b.model.space.conv - 1
        strides = (taps * 4, past.nb[1])
        recent = g.view(past, (taps, inner, seqs), strides)
        projected = g.mul_mat(b.need(place, f"attn_{name}.weight"), a)
        window = g.concat(recent, g.transpose(g.reshape(projected, inner, tokens, seqs)), 0)
        stored = self.states.stored(place, conv=True)
        target = g.view(stored, (taps, inner, seqs), (taps * 4, stored.nb[1]))
        g.expand(g.cpy(g.view(window, (taps, inner, seqs), window.nb[1:3]), target))
        kernel = g.reshape(b.need(place, f"ssm_conv1d_{name}.weight"), taps + 1, inner)
        result = Node("ssm_conv", (inner, tokens, seqs, 1), [window, kernel])
        return g.reshape(g.unary(g.reshape(result, inner, tokens * seqs)), *shape)

    def _decay(self, place: Place, a: Node, shape: Heads) -> Node:
        b, g = self.b, self.b.g
        length, heads, *_ = shape
        result = g.mul_mat(b.need(place, "ssm_f_b.weight"), g.mul_mat(b.need(place, "ssm_f_a.weight"), a))
        result = g.unary(g.add(result, b.need(place, "ssm_dt.bias")))
        result = g.reshape(result, length, heads, b.n_tokens)
        return g.reshape(g.mul(result, g.reshape(b.need(place, "ssm_a"), 1, heads, 1)), *shape)

    def _weighed(self, place: Place, a: Node, output: Node) -> Node:
        b, g, tokens = self.b, self.b.g, self.b.n_tokens
        length, heads = output.ne[:2]
        gate = g.mul_mat(b.need(place, "ssm_g_b.weight"), g.mul_mat(b.need(place, "ssm_g_a.weight"), a))
        normed = b.norm(g.reshape(output, length, heads, tokens), b.need(place, "ssm_norm.weight"))
        weighed = g.mul(normed, g.unary(g.reshape(gate, length, heads, tokens)))
        return g.mul_mat(b.need(place, "attn_output.weight"), g.cont(weighed, length * heads, tokens))
