"""RWKV-7: time mixing over a matrix state (``rwkv7-base.cpp``, ``rwkv7.cpp``, build 11160)."""

from collections.abc import Iterable

from launcher.core.memory.element import F32
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.recurrent import States


def build_rwkv7(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    current = b.embedding_norm(b.embedding())
    layer = _Layer(b)
    for place in places:
        current = layer(place, current)
    b.g.expand(b.head(current, "norm"))


class _Layer:
    """Builds one layer after the other; `value` is that of the first one, which the others add to theirs."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.states = States(b)
        self.ids = b.output_ids()
        self.value: Node | None = None

    def __call__(self, place: Place, a: Node) -> Node:
        b, g, embd, tokens = self.b, self.b.g, self.b.model.n_embd, self.b.n_tokens
        each, seqs = self.states.per_sequence, self.states.sequences
        a = g.reshape(a, embd, each, seqs)
        shift = g.reshape(self.states.read(place, conv=True), embd, 2, seqs)
        normed = b.layer_norm(a, place, "attn_norm", "norm")
        mixed = self._mix_times(place, normed, self._previous(shift, normed))
        middle = g.add(mixed, a)
        inner = b.layer_norm(middle, place, "attn_norm_2", "norm")
        previous = self._previous(shift, inner)
        last_normed, last_inner = (g.view(node, (embd, 1, seqs), node.nb[1:3]) for node in (normed, inner))
        after = g.concat(last_normed, last_inner, 1)
        self.states.write(place, g.view(after, (embd * 2 * seqs,), ()), conv=True)
        parts = [g.reshape(node, embd, tokens) for node in (middle, inner, previous)]
        if place.last:
            parts = [g.get_rows(node, self.ids) for node in parts]
        middle, inner, previous = parts
        return g.add(self._mix_channels(place, inner, previous), middle)

    def _previous(self, shift: Node, a: Node) -> Node:
        """For each token the one before it; the first ones come from the state."""
        g, (embd, each, seqs, _) = self.b.g, a.ne
        first = g.view(shift, (embd, 1, seqs), shift.nb[1:3])
        return g.concat(first, g.view(a, (embd, each - 1, seqs), a.nb[1:3]), 1)

    def _mix_channels(self, place: Place, a: Node, previous: Node) -> Node:
        b, g = self.b, self.b.g
        change = g.mul(g.like("sub", previous, a), b.need(place, "channel_mix_lerp_k.weight"))
        key = g.unary(g.mul_mat(b.need(place, "channel_mix_key.weight"), g.add(change, a)))
        return g.mul_mat(b.need(place, "channel_mix_value.weight"), g.like("sqr", key))

    def _mix_times(self, place: Place, a: Node, previous: Node) -> Node:
        b, g, embd, tokens = self.b, self.b.g, self.b.model.n_embd, self.b.n_tokens
        length = b.model.space.wkv_head
        shape = (length, embd // length, tokens)
        change = g.repeat(g.like("sub", previous, a), *a.ne[:3], 6)
        lerped = g.add(g.mul(change, b.need(place, "time_mix_lerp_fused.weight")), a)
        xr, xw, xk, xv, xa, xg = (g.view(lerped, (embd, tokens), lerped.nb[1:2]) for _ in range(6))
        receptance = g.mul_mat(b.need(place, "time_mix_receptance.weight"), xr)
        decay = g.like("unary", g.scale(g.unary(self._low_rank(place, "w", xw, activated=True))))
        key = g.mul_mat(b.need(place, "time_mix_key.weight"), xk)
        value = self._value(place, xv)
        gate = g.unary(g.mul_mat(b.need(place, "time_mix_g1.weight"), xg))
        gate = g.mul_mat(b.need(place, "time_mix_g2.weight"), gate)
        rate = g.unary(self._low_rank(place, "a", xa))
        removal = g.like("l2_norm", g.reshape(g.mul(key, b.need(place, "time_mix_k_k.weight")), *shape))
        weighed = g.mul(key, b.need(place, "time_mix_k_a.weight"))
        key = g.add(key, g.like("sub", g.mul(rate, weighed), weighed))
        r, w, k, v, rates = (g.reshape(node, *shape) for node in (receptance, decay, key, value, rate))
        result = self._recur(place, (r, w, k, v, g.unary(removal), g.mul(removal, rates)))
        bonus = g.reshape(b.need(place, "time_mix_r_k.weight"), *shape[:2])
        bonus = g.sum_rows(g.mul(g.mul(k, r), bonus))
        result = g.add(result, g.reshape(g.mul(v, bonus), embd, tokens))
        mixed = g.mul_mat(b.need(place, "time_mix_output.weight"), g.mul(result, gate))
        return g.reshape(mixed, embd, self.states.per_sequence, self.states.sequences)

    def _low_rank(self, place: Place, name: str, a: Node, *, activated: bool = False) -> Node:
        b, g = self.b, self.b.g
        low = g.mul_mat(b.need(place, f"time_mix_{name}1.weight"), a)
        high = g.mul_mat(b.need(place, f"time_mix_{name}2.weight"), g.unary(low) if activated else low)
        return g.add(high, b.need(place, f"time_mix_{name}0.weight"))

    def _value(self, place: Place, a: Node) -> Node:
        b, g = self.b, self.b.g
        value = g.mul_mat(b.need(place, "time_mix_value.weight"), a)
        if self.value is None:
            self.value = value
            return value
        share = g.unary(self._low_rank(place, "v", a))
        return g.add(value, g.mul(g.like("sub", self.value, value), share))

    def _recur(self, place: Place, operands: tuple[Node, ...]) -> Node:
        """The recurrence over `operands`, normalised by heads. Output [n_embd, n_tokens]."""
        b, g, tokens, seqs = self.b, self.b.g, self.b.n_tokens, self.states.sequences
        length, heads = operands[0].ne[:2]
        width = length * heads
        state = self.states.read(place, conv=False)
        result = Node("rwkv_wkv7", (width, tokens + length * seqs, 1, 1), [*operands, state], F32)
        output = g.view(result, (width * tokens,), ())
        self.states.write(place, g.view(result, (width * length * seqs,), ()), conv=False)
        normed = g.like("norm", g.reshape(output, length, heads, tokens))
        normed = g.mul(g.reshape(normed, width, tokens), b.need(place, "time_mix_ln.weight"))
        return g.add(normed, b.need(place, "time_mix_ln.bias"))
