"""Recurrent states, Mamba and gated delta nets (``mamba-base.cpp``, ``delta-net-base.cpp``, build 11160)."""

from collections.abc import Callable

from launcher.core.memory.element import F32, I32
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.node import Node
from launcher.core.memory.layout import HOST

GetRows = Callable[[Node, Node], Node]


class States:
    """Reads and writes the states of recurrent layers."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.sequences = b.sizing.n_seqs
        self.per_sequence = b.n_tokens // b.sizing.n_seqs
        copies = b.g.input(self.sequences, element=I32)
        self._main = b.g.view(copies, (self.sequences,), ())
        self._extra = b.g.view(copies, (0,), ())

    def stored(self, place: Place, *, conv: bool) -> Node:
        """The leaf with the states of this layer: of the convolution, or of the recurrence."""
        name = "cache r" if conv else "cache s"
        found = place.weights.get(name)
        if found is None:
            size = self.b.model.states[0 if conv else 1]
            home = place.home if self.b.ground.kv_offload else HOST
            found = self.b.g.stored(home, (size, self.sequences, 1, 1), F32, weight=False)
            place.weights[name] = found
        return found

    def read(self, place: Place, *, conv: bool, get_rows: GetRows | None = None) -> Node:
        """The states of the sequences in the batch (``build_rs``)."""
        g, stored = self.b.g, self.stored(place, conv=conv)
        size = stored.ne[0]
        states = g.reshape(stored, size, stored.ne[1])
        g.expand(g.scale_inplace(g.view(states, (size,), ())))
        result = g.expand((get_rows or g.get_rows)(states, self._main))
        extra = g.get_rows(states, self._extra)
        g.expand(g.cpy(extra, g.view(stored, (size, 0), stored.nb[1:2])))
        return result

    def write(self, place: Place, values: Node, *, conv: bool) -> None:
        """Store the states after the batch."""
        g, stored = self.b.g, self.stored(place, conv=conv)
        g.expand(g.cpy(values, g.view(stored, (stored.ne[0], self.sequences), stored.nb[1:2])))


def mamba1(b: Builder, states: States, place: Place, a: Node) -> Node:
    """A Mamba layer."""
    g, space, seqs, tokens = b.g, b.model.space, states.sequences, states.per_sequence
    inner, state, rank = space.inner, space.state, space.rank
    conv = g.reshape(states.read(place, conv=True), space.conv - 1, inner, seqs)
    both = b.product(place, "ssm_in", g.reshape(a, a.ne[0], tokens, seqs))
    x = g.view(both, (inner, tokens, seqs), both.nb[1:3])
    z = g.view(both, (inner, tokens, seqs), both.nb[1:3])
    window = g.concat(conv, g.transpose(x), 0)
    states.write(place, g.view(window, (space.conv - 1, inner, seqs), window.nb[1:3]), conv=True)
    x = _convolve(b, place, window, inner, tokens, seqs)
    mixed = g.mul_mat(b.need(place, "ssm_x.weight"), x)
    dt = g.view(mixed, (rank, tokens, seqs), mixed.nb[1:3])
    shape, strides = (state, 1, tokens, seqs), (state * 4, mixed.nb[1], mixed.nb[2])
    into, out = g.view(mixed, shape, strides), g.view(mixed, shape, strides)
    if b.model.metadata.integer("ssm.dt_b_c_rms", 0) or "ssm_dt_norm.weight" in place.layer.tensors:
        dt, into, out = (
            b.layer_norm(node, place, name)
            for node, name in ((dt, "ssm_dt_norm"), (into, "ssm_b_norm"), (out, "ssm_c_norm"))
        )
    else:
        dt = g.cont(dt)
    dt = b.product(place, "ssm_dt", dt)
    heads = g.reshape(x, 1, inner, tokens, seqs)
    decay = b.need(place, "ssm_a")

    def scan(stored: Node, ids: Node) -> Node:
        return _scan(g.reshape(stored, state, 1, inner, seqs), heads, dt, decay, into, out, ids)

    y = states.read(place, conv=False, get_rows=scan)
    states.write(place, g.view(y, (state * inner * seqs,), ()), conv=False)
    result = g.view(y, (inner, tokens, seqs), heads.nb[2:4])
    result = g.add(result, g.mul(x, b.need(place, "ssm_d")))
    result = g.glu(g.cont(z), result)
    projected = b.product(place, "ssm_out", result)
    return g.reshape(projected, projected.ne[0], tokens * seqs)


def mamba2(b: Builder, states: States, place: Place, a: Node) -> Node:
    """A Mamba-2 layer."""
    g, space, seqs, tokens = b.g, b.model.space, states.sequences, states.per_sequence
    inner, state, groups, heads = space.inner, space.state, space.groups, space.rank
    length, width = inner // heads, inner + 2 * groups * state
    conv = g.reshape(states.read(place, conv=True), space.conv - 1, width, seqs)
    mixed = b.product(place, "ssm_in", a)
    mixed = g.reshape(mixed, mixed.ne[0], tokens, seqs)
    z = g.view(mixed, (length, heads, tokens, seqs), (length * 4, mixed.nb[1], mixed.nb[2]))
    xbc = g.view(mixed, (width, tokens, seqs), mixed.nb[1:3])
    dt = g.view(mixed, (heads, tokens, seqs), mixed.nb[1:3])
    window = g.concat(conv, g.transpose(xbc), 0)
    states.write(place, g.view(window, (space.conv - 1, width, seqs), window.nb[1:3]), conv=True)
    xbc = _convolve(b, place, window, width, tokens, seqs)
    x = g.view(xbc, (length, heads, tokens, seqs), (length * 4, xbc.nb[1], xbc.nb[2]))
    shape, strides = (state, groups, tokens, seqs), (state * 4, xbc.nb[1], xbc.nb[2])
    into, out = g.view(xbc, shape, strides), g.view(xbc, shape, strides)
    dt = g.add(g.cont(dt), b.need(place, "ssm_dt.bias"))
    decay = b.need(place, "ssm_a")

    def scan(stored: Node, ids: Node) -> Node:
        return _scan(g.reshape(stored, state, length, heads, seqs), x, dt, decay, into, out, ids)

    y = states.read(place, conv=False, get_rows=scan)
    size = state * inner
    states.write(place, g.view(y, (size, seqs, 1), (size * 4, size * 4 * seqs)), conv=False)
    strides = (x.nb[1], heads * x.nb[1], tokens * heads * x.nb[1])
    result = g.view(y, (length, heads, tokens, seqs), strides)
    result = g.add(result, g.mul(x, b.need(place, "ssm_d")))
    result = g.glu(g.cont(z), result)
    norm = b.weight(place, "ssm_norm.weight")
    if norm is not None:
        result = b.norm(g.reshape(result, inner // groups, groups, tokens, seqs), norm)
    return b.product(place, "ssm_out", g.reshape(result, inner, tokens * seqs))


def _convolve(b: Builder, place: Place, window: Node, width: int, tokens: int, seqs: int) -> Node:
    g = b.g
    result = Node("ssm_conv", (width, tokens, seqs, 1), [window, b.need(place, "ssm_conv1d.weight")])
    return g.unary(g.add(result, b.need(place, "ssm_conv1d.bias")))


def _scan(state: Node, x: Node, dt: Node, decay: Node, into: Node, out: Node, ids: Node) -> Node:
    """Outputs and new states in one row."""
    size = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3] + state.ne[0] * state.ne[1] * state.ne[2] * ids.ne[0]
    return Node("ssm_scan", (size, 1, 1, 1), [state, x, dt, decay, into, out, ids])


def delta_net(
    b: Builder, states: States, place: Place, mixed: Node, gate: Node, beta: Node, *, repeated: bool
) -> Node:
    """A gated delta net over `mixed` (Q, K and V before the convolution). Output [head, heads, tokens, seqs].

    repeated: Q and K are repeated up to the heads of V.
    """
    g, space, seqs, tokens = b.g, b.model.space, states.sequences, states.per_sequence
    key, k_heads, v_heads = space.state, space.groups, space.rank
    value, width = space.inner // v_heads, space.inner + 2 * space.groups * space.state
    kernel = b.need(place, "ssm_conv1d.weight")
    conv = g.reshape(states.read(place, conv=True), kernel.ne[0] - 1, width, seqs)
    window = g.concat(conv, g.transpose(mixed), 0)
    kept = 1 + b.sizing.snapshots
    for _ in range(kept):
        states.write(place, g.view(window, (kernel.ne[0] - 1, width, seqs), window.nb[1:3]), conv=True)
    state = g.reshape(states.read(place, conv=False), value, value, v_heads, seqs)
    qkv = g.unary(Node("ssm_conv", (width, tokens, seqs, 1), [window, kernel]))
    row = width * 4
    q, k, v = (
        g.view(qkv, (length, count, tokens, seqs), (length * 4, row, row * tokens))
        for length, count in ((key, k_heads), (key, k_heads), (value, v_heads))
    )
    q, k = g.scale(b.norm(q)), g.scale(b.norm(k))
    if repeated and k_heads != v_heads:
        q, k = (_interleave(b, node, v_heads // k_heads) for node in (q, k))
    rows = tokens * seqs + kept * value * seqs
    result = Node("gated_delta_net", (value * v_heads, rows, 1, 1), [q, k, v, gate, beta, state])
    head, step = value * 4, value * v_heads * 4
    output = g.view(result, (value, v_heads, tokens, seqs), (head, step, step * tokens))
    after = g.view(result, (value, value, v_heads, seqs), (head, head * value, head * value * v_heads))
    states.write(place, after, conv=False)
    return output


def _interleave(b: Builder, a: Node, factor: int) -> Node:
    g = b.g
    length, count, tokens, seqs = a.ne
    spread = g.repeat(g.reshape(a, length, 1, count, tokens * seqs), length, factor, count, tokens * seqs)
    return g.reshape(spread, length, count * factor, tokens, seqs)


def short_convolution(b: Builder, states: States, place: Place, a: Node) -> Node:
    """A gated convolution over the last few tokens (``lfm2.cpp``)."""
    g, seqs, tokens, embd = b.g, states.sequences, states.per_sequence, b.model.n_embd
    past = b.model.space.shortconv - 1
    mixed = g.mul_mat(b.need(place, "shortconv.in_proj.weight"), g.reshape(a, a.ne[0], tokens, seqs))
    before, after, x = (g.view(mixed, (embd, tokens, seqs), mixed.nb[1:3]) for _ in range(3))
    recent = g.transpose(g.mul(before, x))
    conv = g.reshape(states.read(place, conv=True), past, embd, seqs)
    window = g.concat(conv, recent, 0)
    states.write(place, g.view(window, (past, embd, seqs), window.nb[1:3]), conv=True)
    convolved = Node("ssm_conv", (embd, tokens, seqs, 1), [window, b.need(place, "shortconv.conv.weight")])
    result = g.mul_mat(b.need(place, "shortconv.out_proj.weight"), g.mul(after, convolved))
    return g.reshape(result, embd, tokens * seqs)
