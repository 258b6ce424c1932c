"""Attention over the KV cache (``build_attn*`` in ``src/llama-graph.cpp``, build 11160)."""

from dataclasses import dataclass

from launcher.core.memory.element import F16, F32, I64, Element
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.node import Node
from launcher.core.memory.layout import HOST

ROTATION = 64
"""Smallest size of the Hadamard matrices that rotate K and V for quantised caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheInputs:
    """Inputs for one of the caches: where to store, what to mask, how to rotate."""

    cells: int
    k_ids: Node
    v_ids: Node | None
    mask: Node
    k_rotation: Node | None
    v_rotation: Node | None


class Attention:
    """Stores K and V in the caches and attends to them."""

    def __init__(self, builder: Builder, *, soft_cap: bool = False) -> None:
        self.b = builder
        self.soft_cap = soft_cap
        model, sizing = builder.model, builder.sizing
        self._widest = max((layer.value_width for layer in model.layers), default=0)
        windowed = any(layer.windowed for layer in model.layers)
        self._rotates = not (windowed and model.recurrent)
        self._inputs = {False: self._cache_inputs(sizing.n_ctx_seq, windowed=False)}
        if windowed:
            self._inputs[True] = self._cache_inputs(builder.ground.window_cells, windowed=True)

    def _cache_inputs(self, cells: int, *, windowed: bool) -> CacheInputs:
        g, sizing, model = self.b.g, self.b.sizing, self.b.model
        tokens, streams = self.b.n_tokens, sizing.n_streams
        ids = 1 if sizing.flash else self._widest
        layers = [layer for layer in model.layers if layer.cached and layer.windowed == windowed]
        keys = {layer.key_length for layer in layers}
        values = set() if model.mla else {layer.value_length for layer in layers}
        return CacheInputs(
            cells=cells,
            k_ids=g.input(tokens, element=I64),
            v_ids=None if model.mla else g.input(tokens * ids, element=I64),
            mask=g.input(cells, tokens // streams, 1, streams, element=F16 if sizing.flash else F32),
            k_rotation=self._rotation(sizing.key, keys, largest=True),
            v_rotation=self._rotation(sizing.value, values, largest=False),
        )

    def _rotation(self, element: Element, lengths: set[int], *, largest: bool) -> Node | None:
        """The matrix that rotates K or V; none for hybrids with windows (``build_inp_mem_hybrid_iswa``)."""
        if not self._rotates or len(lengths) != 1 or element.block == 1:
            return None
        (length,) = lengths
        if length == 0 or length % ROTATION:
            return None
        size = ROTATION
        while largest and length % (2 * size) == 0:
            size *= 2
        return self.b.g.input(size, size)

    # one layer

    def __call__(
        self,
        place: Place,
        q: Node,
        k: Node | None,
        v: Node | None,
        *,
        out: str | None = "attn_output",
        sinks: Node | None = None,
        v_mla: Node | None = None,
        source: Place | None = None,
    ) -> Node:
        """Attention of one layer. `source`: the layer whose cache is read, without K and V of its own."""
        b, g = self.b, self.b.g
        inputs = self._inputs[place.layer.windowed]
        q, k, v = self._rotate(inputs, q, k, v)
        for node in self._order(place, q, k, v):
            g.expand(node)
        owner = source or place
        caches = self._caches(owner)
        if k is not None:
            self._store_k(inputs, caches[0], k)
        if v is not None and caches[1] is not None:
            self._store_v(inputs, caches[1], v)
        keys, values = self._read(owner, inputs, caches)
        result = self._attend(q, keys, values, self._mask(inputs), sinks, v_mla)
        g.expand(result)
        if inputs.v_rotation is not None and not b.model.mla:
            result = self._hadamard(result, inputs.v_rotation)
        return result if out is None else b.product(place, out, result)

    def _mask(self, inputs: CacheInputs) -> Node:
        return inputs.mask

    def _order(self, place: Place, q: Node, k: Node | None, v: Node | None) -> list[Node]:
        windows = True in self._inputs
        ordered = [q, k, v] if windows else [q, v, k]
        return [node for node in ordered if node is not None]

    def _rotate(
        self, inputs: CacheInputs, q: Node, k: Node | None, v: Node | None
    ) -> tuple[Node, Node | None, Node | None]:
        if self.b.model.mla:
            return q, k, v
        if inputs.k_rotation is not None:
            q = self._hadamard(q, inputs.k_rotation)
            k = None if k is None else self._hadamard(k, inputs.k_rotation)
        if inputs.v_rotation is not None and v is not None:
            v = self._hadamard(v, inputs.v_rotation)
        return q, k, v

    def _hadamard(self, a: Node, rotation: Node) -> Node:
        g, size = self.b.g, rotation.ne[0]
        rows = a.ne[0] * a.ne[1] * a.ne[2] * a.ne[3] // size
        flat = g.reshape(a, size, rows) if a.is_contiguous else g.cont(a, size, rows)
        return g.reshape(g.mul_mat(rotation, flat), *a.ne)

    def _caches(self, place: Place) -> tuple[Node, Node | None]:
        found = place.weights.get("cache k")
        if found is None:
            b, layer = self.b, place.layer
            cells = self._inputs[layer.windowed].cells
            home = place.home if b.ground.kv_offload else HOST
            streams = b.sizing.n_streams
            found = b.g.stored(home, (layer.key_width, cells, streams, 1), b.sizing.key, weight=False)
            place.weights["cache k"] = found
            if not b.model.mla:
                width = layer.value_width if b.sizing.flash else self._widest
                ne = (width, cells, streams, 1)
                place.weights["cache v"] = b.g.stored(home, ne, b.sizing.value, weight=False)
        return found, place.weights.get("cache v")

    def _store_k(self, inputs: CacheInputs, cache: Node, k: Node) -> None:
        g = self.b.g
        rows = g.view(k, (k.ne[0] * k.ne[1], k.ne[2]), (k.nb[2],))
        g.expand(g.set_rows(self._merged(cache), rows, inputs.k_ids))

    def _merged(self, cache: Node) -> Node:
        if cache.ne[2] == 1:
            return cache
        return self.b.g.reshape(cache, cache.ne[0], cache.ne[1] * cache.ne[2])

    def _store_v(self, inputs: CacheInputs, cache: Node, v: Node) -> None:
        g = self.b.g
        assert inputs.v_ids is not None
        width, tokens = v.ne[0] * v.ne[1], v.ne[2]
        if self.b.sizing.flash:
            rows = g.view(v, (width, tokens), (v.nb[2],))
            g.expand(g.set_rows(self._merged(cache), rows, inputs.v_ids))
            return
        dense = v.element.block_bytes * width == v.nb[2]
        flat = g.reshape(v, width, tokens) if dense else g.cont(v, width, tokens)
        if width < cache.ne[0]:
            flat = g.padded(flat, cache.ne[0] - width)
        cells = cache.ne[0] * cache.ne[1] * cache.ne[2]
        target = g.reshape(cache, 1, cells)
        g.expand(g.set_rows(target, g.reshape(flat, 1, flat.ne[0] * flat.ne[1]), inputs.v_ids))

    def _read(self, place: Place, inputs: CacheInputs, caches: tuple[Node, Node | None]) -> tuple[Node, Node]:
        g, layer, cells = self.b.g, place.layer, inputs.cells
        cache_k, cache_v = caches
        key, streams = cache_k.element, cache_k.ne[2]
        keys = g.view(
            cache_k,
            (layer.key_length, layer.heads_kv, cells, streams),
            (_row(key, layer.key_length), _row(key, cache_k.ne[0]), _row(key, cache_k.ne[0]) * cells),
        )
        if cache_v is None:
            return keys, g.view(keys, (layer.value_length, *keys.ne[1:]), keys.nb[1:])
        value, width = cache_v.element, cache_v.ne[0]
        if self.b.sizing.flash:
            shape = (layer.value_length, layer.heads_kv, cells, streams)
            strides = (_row(value, layer.value_length), _row(value, width), _row(value, width) * cells)
        else:
            shape = (cells, layer.heads_kv, layer.value_length, streams)
            strides = (
                _row(value, cells * layer.value_length),
                _row(value, cells),
                _row(value, cells * width),
            )
        return keys, g.view(cache_v, shape, strides)

    def _attend(
        self, q: Node, k: Node, v: Node, mask: Node | None, sinks: Node | None, v_mla: Node | None
    ) -> Node:
        g = self.b.g
        transposed = v.nb[1] > v.nb[2]
        streams = k.ne[3]
        q = g.view(q, (q.ne[0], q.ne[1], q.ne[2] // streams, streams), (q.nb[1], q.nb[2], q.nb[3] // streams))
        q, k, v = (g.permute(node, 0, 2, 1, 3) for node in (q, k, v))
        if self.b.sizing.flash:
            return self._flash(q, k, g.transpose(v) if transposed else v, mask, sinks, v_mla)
        kq = g.mul_mat(k, q)
        if self.soft_cap:
            kq = g.scale(g.unary(g.scale(kq)))
        kq = g.soft_max(kq, mask, sinks)
        kqv = g.mul_mat(v if transposed else g.cont(g.transpose(v)), kq)
        if v_mla is not None:
            kqv = g.mul_mat(v_mla, kqv)
        result = g.permute(kqv, 0, 2, 1, 3)
        return g.cont(result, result.ne[0] * result.ne[1], result.ne[2] * result.ne[3])

    def _flash(
        self, q: Node, k: Node, v: Node, mask: Node | None, sinks: Node | None, v_mla: Node | None
    ) -> Node:
        g = self.b.g
        k, v = (g.cast(node) if node.element is F32 else node for node in (k, v))
        result = g.flash_attention(q, k, v, mask, sinks)
        if v_mla is not None:
            result = g.mul_mat(v_mla, g.permute(result, 0, 2, 1, 3))
            result = g.cont(g.permute(result, 0, 2, 1, 3))
        return g.reshape(result, result.ne[0] * result.ne[1], result.ne[2] * result.ne[3])


class Uncached(Attention):
    """Attends to the tokens of the batch alone (``build_attn_inp_no_cache``)."""

    def __init__(self, builder: Builder, *, soft_cap: bool = False) -> None:
        self.b = builder
        self.soft_cap = soft_cap
        element = F16 if builder.sizing.flash else F32
        tokens = builder.n_tokens
        self._masks = {
            windowed: builder.g.input(tokens, tokens, element=element) for windowed in (False, True)
        }

    def __call__(
        self,
        place: Place,
        q: Node,
        k: Node | None,
        v: Node | None,
        *,
        out: str | None = "attn_output",
        sinks: Node | None = None,
        v_mla: Node | None = None,
        source: Place | None = None,
    ) -> Node:
        """Attention of one layer, which has K and V of its own."""
        b, g = self.b, self.b.g
        assert k is not None
        assert v is not None
        for node in (q, k, v):
            g.expand(node)
        result = g.expand(self._attend(q, k, v, self._masks[place.layer.windowed], sinks, v_mla))
        return result if out is None else b.product(place, out, result)


def attention_of(b: Builder, *, soft_cap: bool = False) -> Attention:
    """Attention over the caches, or without any where the architecture keeps none."""
    return Attention(b, soft_cap=soft_cap) if b.model.has_cache else Uncached(b, soft_cap=soft_cap)


def _row(element: Element, count: int) -> int:
    """Bytes of a row of `count` elements."""
    return element.nbytes(count)
