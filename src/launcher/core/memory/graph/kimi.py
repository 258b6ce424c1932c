"""Delta attention with latent attention in between.

Sources: ``kimi-linear.cpp`` and ``bailingmoe3.cpp`` in ``src/models``, build 11160.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from launcher.core.memory.element import I32
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.latent import LatentBlock
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.recurrent import States

Heads = tuple[int, int, int, int]
"""Shape of Q, K and V: length, heads, tokens, sequences."""


def build_kimi_linear(b: Builder, places: Iterable[Place]) -> None:
    """kimi-linear: its latent attention knows no positions."""
    current = b.embedding()
    block = _Kimi(b)
    for place in places:
        current = block(place, current)
    b.g.expand(b.head(current))


def build_bailingmoe3(b: Builder, places: Iterable[Place]) -> None:
    """bailingmoe3: heads are weighed, and the rows that yield logits are picked after the output norm."""
    current = b.embedding()
    block = _Bailing(b)
    for place in places:
        current = block(place, current)
    b.g.expand(b.head(current, ids=block.ids))


class _DeltaBlock(LatentBlock, ABC):
    """Delta attention in recurrent layers."""

    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        self.states = States(b)

    def delta(self, place: Place, a: Node) -> Node:
        """Delta attention of one layer."""
        b, g, states = self.b, self.b.g, self.states
        length, heads = b.model.space.kda_head, place.layer.heads
        shape: Heads = (length, heads, states.per_sequence, states.sequences)
        past = states.read(place, conv=True)
        q, k, v = (self._convolved(place, a, past, name, shape) for name in ("q", "k", "v"))
        decay = self.decay(place, a, shape)
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
        return self.weighed(place, a, output)

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

    @abstractmethod
    def decay(self, place: Place, a: Node, shape: Heads) -> Node:
        """How much of the state is kept."""

    @abstractmethod
    def gate(self, place: Place, a: Node) -> Node:
        """What weighs the output."""

    def weighed(self, place: Place, a: Node, output: Node) -> Node:
        """The normed output, weighed and projected."""
        b, g, tokens = self.b, self.b.g, self.b.n_tokens
        length, heads = output.ne[:2]
        gate = self.gate(place, a)
        normed = b.norm(g.reshape(output, length, heads, tokens), b.need(place, "ssm_norm.weight"))
        weighed = g.mul(normed, g.unary(g.reshape(gate, length, heads, tokens)))
        return g.mul_mat(b.need(place, "attn_output.weight"), g.cont(weighed, length * heads, tokens))

    def _shaped_decay(self, place: Place, a: Node, shape: Heads) -> Node:
        """`a` by heads, times the decay of each head."""
        b, g = self.b, self.b.g
        length, heads, *_ = shape
        by_heads = g.reshape(a, length, heads, b.n_tokens)
        return g.mul(by_heads, g.reshape(b.need(place, "ssm_a"), 1, heads, 1))


class _Kimi(_DeltaBlock):
    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        self.routing = replace(self.routing, normalised=True)

    def rope(self, place: Place, a: Node) -> Node:
        return a

    def attend(self, place: Place, a: Node) -> Node:
        self.b.g.expand(a)
        return self.delta(place, a) if place.layer.recurrent else super().attend(place, a)

    def decay(self, place: Place, a: Node, shape: Heads) -> Node:
        b, g = self.b, self.b.g
        steps = g.unary(g.add(self._low_rank(place, "ssm_f", a), b.need(place, "ssm_dt.bias")))
        return g.reshape(self._shaped_decay(place, steps, shape), *shape)

    def gate(self, place: Place, a: Node) -> Node:
        return self._low_rank(place, "ssm_g", a)

    def _low_rank(self, place: Place, name: str, a: Node) -> Node:
        b, g = self.b, self.b.g
        return g.mul_mat(b.need(place, f"{name}_b.weight"), g.mul_mat(b.need(place, f"{name}_a.weight"), a))


class _Bailing(_DeltaBlock):
    picks_last = False

    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        sections = b.model.metadata.array("rope.dimension_sections")
        if sections and all(sections[:2]):
            self.positions = b.g.input(b.n_tokens * 4, element=I32)

    def attend(self, place: Place, a: Node) -> Node:
        b, g, tokens = self.b, self.b.g, self.b.n_tokens
        if place.layer.recurrent:
            return self.delta(place, a)
        q = g.reshape(self.query(place, a), self.head, place.layer.heads, tokens)
        result = self.absorbed(place, q, *self.compressed(place, a), out=None)
        heads = place.layer.heads
        gate = g.mul_mat(b.need(place, "attn_gate.weight"), a)
        by_heads = g.reshape(result, result.ne[0] // heads, heads, tokens)
        weighed = g.mul(by_heads, g.unary(g.reshape(gate, 1, heads, tokens)))
        return g.mul_mat(b.need(place, "attn_output.weight"), g.cont(weighed, *result.ne[:2]))

    def decay(self, place: Place, a: Node, shape: Heads) -> Node:
        b, g = self.b, self.b.g
        steps = g.add(g.mul_mat(b.need(place, "ssm_f_a.weight"), a), b.need(place, "ssm_dt.bias"))
        return g.reshape(g.scale(g.unary(self._shaped_decay(place, steps, shape))), *shape)

    def gate(self, place: Place, a: Node) -> Node:
        return self.b.g.mul_mat(self.b.need(place, "ssm_g_a.weight"), a)
