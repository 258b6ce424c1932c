"""Latent attention to chosen tokens only: deepseek32 and glm-dsa (``deepseek32.cpp``, build 11160).

An indexer with a cache of its own scores all tokens; the best ones are unmasked.
"""

from collections.abc import Iterable

from launcher.core.memory.element import F16, F32, I32, I64
from launcher.core.memory.graph.attention import Attention, CacheInputs
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import header_routing
from launcher.core.memory.graph.latent import LatentBlock
from launcher.core.memory.graph.node import Node
from launcher.core.memory.layout import HOST


def build_sparse(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    current = b.embedding()
    block = _Block(b)
    for place in places:
        current = block(place, current)
    b.g.expand(b.head(current))
    block.attention.reserve()


class _ChosenTokens(Attention):
    """Attention whose mask lets only the chosen tokens through.

    For that each layer has a tensor of zeros, and the engine reserves those of all layers at the
    start. `opened`: for each device the nodes that fill them.
    """

    chosen: Node
    home: int

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.opened: dict[int, list[Node]] = {}

    def reserve(self) -> None:
        """Reserve the zeros of layers that this graph leaves out, until the last one is built."""
        for device, count in enumerate(self.b.ground.crowd):
            fills = self.opened.get(HOST if device == self.b.ground.gpus else device, [])
            for _ in range(count - len(fills) if fills else 0):
                zeros = Node("none", fills[0].ne, [], F32)
                fills[-1].sources.append(zeros)
                self.b.g.leafs.append(zeros)

    def _mask(self, inputs: CacheInputs) -> Node:
        g, mask, chosen = self.b.g, inputs.mask, self.chosen
        cells, tokens, _, streams = mask.ne
        closed = g.view(g.like("fill", mask), (1, cells, tokens, streams), (mask.nb[0], *mask.nb[1:3]))
        ids = g.view(chosen, (chosen.ne[0], chosen.ne[1], chosen.ne[3]), chosen.nb[1:3])
        zeros = g.like("fill", Node("none", (1, *ids.ne[:3]), [], F32))
        self.opened.setdefault(self.home, []).append(zeros)
        opened = g.set_rows(closed, zeros, ids)
        shape, strides = (cells, tokens, 1, streams), (opened.nb[2], opened.nb[3], opened.nb[3])
        return g.like("add", g.view(opened, shape, strides), mask)


class _Block(LatentBlock):
    """One layer after the other; layers without an indexer take the choice of the one before."""

    attention: _ChosenTokens

    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        meta, g, sizing = b.model.metadata, b.g, b.sizing
        self.attention = _ChosenTokens(b)
        self.routing = header_routing(b, "sigmoid")
        self.heads = meta.integer("attention.indexer.head_count")
        self.length = meta.integer("attention.indexer.key_length")
        self.best = min(meta.integer("attention.indexer.top_k"), sizing.n_ctx_seq)
        self.ids_of_keys = g.input(b.n_tokens, element=I64)
        streams = sizing.n_streams
        self.index_mask = g.input(sizing.n_ctx_seq, b.n_tokens // streams, 1, streams, element=F16)
        self.rotation = g.input(self.length, self.length)

    def attend(self, place: Place, a: Node) -> Node:
        b, g = self.b, self.b.g
        low = b.layer_norm(g.mul_mat(b.need(place, "attn_q_a.weight"), a), place, "attn_q_a_norm")
        if place.layer.indexed:
            self.attention.chosen = self._choose(place, a, low)
        self.attention.home = place.home
        q = g.mul_mat(b.need(place, "attn_q_b.weight"), low)
        q = g.reshape(q, self.head, place.layer.heads, b.n_tokens)
        return self.absorbed(place, q, *self.compressed(place, a))

    def _choose(self, place: Place, a: Node, low: Node) -> Node:
        """Indices of the best tokens for each token."""
        b, g, tokens = self.b, self.b.g, self.b.n_tokens
        q = g.mul_mat(b.need(place, "indexer.attn_q_b.weight"), low)
        q = g.rope(g.reshape(q, self.length, self.heads, tokens), self.positions)
        k = g.mul_mat(b.need(place, "indexer.attn_k.weight"), a)
        k = g.reshape(b.layer_norm(k, place, "indexer.k_norm", "norm"), self.length, 1, tokens)
        k = g.rope(k, self.positions)
        q, k = g.mul_mat(self.rotation, q), g.mul_mat(self.rotation, k)
        keys = self._stored(place, k)
        weights = g.mul_mat(b.need(place, "indexer.proj.weight"), a)
        streams = b.sizing.n_streams
        each = tokens // streams
        q = g.view(q, (self.length, self.heads, each, streams), (*q.nb[1:3], q.nb[3] // streams))
        row = weights.nb[1]
        weights = g.scale(g.view(weights, (self.heads, each, 1, streams), (row, row * each, row * each)))
        shape = (keys.ne[2], each, 1, streams)
        scores = Node("lightning_indexer", shape, [q, keys, weights, self.index_mask])
        return g.cont(Node("top_k", (self.best, *shape[1:]), [scores], I32))

    def _stored(self, place: Place, k: Node) -> Node:
        """Store the keys; all cached ones."""
        b, g, element, streams = self.b, self.b.g, self.b.sizing.key, self.b.sizing.n_streams
        cells = b.sizing.n_ctx_seq
        cache = place.weights.get("cache index")
        if cache is None:
            home = place.home if b.ground.kv_offload else HOST
            cache = g.stored(home, (self.length, cells, streams, 1), element, weight=False)
            place.weights["cache index"] = cache
        rows = g.view(k, (self.length, b.n_tokens), (k.nb[2],))
        merged = cache if streams == 1 else g.reshape(cache, self.length, cells * streams)
        g.expand(g.set_rows(merged, rows, self.ids_of_keys))
        row = element.nbytes(self.length)
        return g.view(cache, (self.length, 1, cells, streams), (row, row, row * cells))
