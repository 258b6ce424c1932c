"""What the CUDA backend computes, and the bytes it wants for it (``ggml/src/ggml-cuda``, build 11160)."""

from collections.abc import Callable

from launcher.core.memory.element import F16
from launcher.core.memory.graph.node import Node
from launcher.core.memory.weights import row_padding
from launcher.core.units import pad

EXTRA_ALIGNMENT = 128
_EQUAL_HEADS = frozenset({40, 64, 72, 80, 96, 112, 128, 256})
_NARROW_HEADS = {192: (128, 8), 320: (256, 32), 576: (512, 1)}
"""Key lengths whose values are shorter: (value length, divisor of the query heads per KV head)."""


class Cuda:
    """Operations and sizes of the GPUs, numbered from 0, and of the host after them."""

    def __init__(self, gpus: int) -> None:
        self.host = gpus

    def supports(self, node: Node, backend: int) -> bool:
        """Can this backend compute `node`; the host can compute everything."""
        if backend == self.host:
            return True
        for source in node.sources:
            if source.home is not None and source.home >= 0 and source.home != backend:
                return False
        check = _CHECKS.get(node.op)
        return check is None or check(node)

    def size(self, node: Node, backend: int) -> int:
        """Bytes of `node` in the buffer of a backend."""
        if backend == self.host:
            return node.nbytes
        if node.op == "flash_attn":
            return node.nbytes + _flash_extra(node)
        element = node.element
        if element.block > 1:
            elements = node.ne[0] * node.ne[1] * node.ne[2] * node.ne[3]
            return node.nbytes + row_padding(element.number, node.ne[0], node.nbytes, elements)
        return node.nbytes


def flash_supported(node: Node) -> bool:
    """Is there a flash attention kernel for these head sizes (``ggml_cuda_get_best_fattn_kernel``)."""
    q, k, v = node.sources[:3]
    if q.ne[2] % k.ne[2]:
        return False
    ratio = q.ne[2] // k.ne[2]
    key, value = k.ne[0], v.ne[0]
    if key in _EQUAL_HEADS:
        return key == value
    grouped = ratio >= 2 and k.ne[1] % 256 == 0
    if key == 512:
        return value == key and grouped
    if key not in _NARROW_HEADS:
        return False
    narrow, divisor = _NARROW_HEADS[key]
    return value == narrow and grouped and ratio % divisor == 0


def _flash_extra(node: Node) -> int:
    """Bytes for f16 copies of a cache of another type, behind the result."""
    _, k, v = node.sources[:3]
    end = node.nbytes
    if k.element is not F16:
        end = pad(end, EXTRA_ALIGNMENT) + _elements(k) * F16.block_bytes
    shared = v.base is not None and v.base is k.base
    if v.element is not F16 and not shared:
        end = pad(end, EXTRA_ALIGNMENT) + _elements(v) * F16.block_bytes
    return end - node.nbytes


def _elements(node: Node) -> int:
    return node.ne[0] * node.ne[1] * node.ne[2] * node.ne[3]


def _scan_supported(node: Node) -> bool:
    state, decay = node.sources[0], node.sources[3]
    if decay.ne[0] == 1:
        return state.ne[0] in {128, 256} and state.ne[1] % 16 == 0
    groups = node.sources[4].ne[1]
    return state.ne[0] == 16 and state.ne[1] == 1 and state.ne[2] % 128 == 0 and groups == 1


def _dense_operand(node: Node) -> bool:
    return node.sources[0].is_contiguous


def _indexer_supported(node: Node) -> bool:
    return node.sources[0].ne[0] == 128 and node.sources[0].ne[1] in {32, 64}


_CHECKS: dict[str, Callable[[Node], bool]] = {
    "flash_attn": flash_supported,
    "lightning_indexer": _indexer_supported,
    "ssm_scan": _scan_supported,
    "ssm_conv": lambda node: node.sources[0].ne[1] % 128 == 0,
    "unary": _dense_operand,
    "mul_mat_id_f32": lambda node: False,
}
