"""Bytes of the weights on each device (``load_tensors`` in ``src/llama-model.cpp``, build 11160)."""

import re
from collections.abc import Iterator, Mapping

from launcher.core.header import Tensor
from launcher.core.memory.layout import HOST, Exceptions, Layout
from launcher.core.model import Layer, Model
from launcher.core.units import pad

CUDA_ALIGNMENT = 128
CPU_ALIGNMENT = 32
ROW_PADDING = 512
"""``MATRIX_ROW_PADDING`` in ``ggml/src/ggml-cuda/common.cuh``: quantised rows are padded to it."""

_PLAIN_TYPES = frozenset({0, 1, 24, 25, 26, 27, 28, 30})
"""f32, f16, i8, i16, i32, i64, f64, bf16: everything else is quantised."""

_INPUT = frozenset(
    {"token_embd", "position_embd", "token_types", "per_layer_token_embd", "masked_embd_centroids"}
)
_FIRST_LAYER = frozenset({"per_layer_model_proj", "per_layer_proj_norm", "token_embd_norm"})
_OUTPUT_NORM = frozenset({"lfm2", "lfm2moe"})
"""They call the output norm ``token_embd_norm``, which is the norm of the embeddings elsewhere."""
_OUTPUT_FIRST = frozenset({"gemma3n", "gemma4"})
"""Their loaders create the output before the token embedding: two copies even on one device."""
_SHARED_HEAD = r"nextn\.(embed_tokens|shared_head_\w+)\.weight"
_LOADED_IN_VAIN = {
    "cohere2moe": _SHARED_HEAD,
    "deepseek32": r"exp_probs_b\.bias",
    "glm-dsa": r"exp_probs_b\.bias",
    "hy_v3": rf"ffn_(?!norm\b).+|exp_probs_b.*|{_SHARED_HEAD}",
    "step35": rf"ffn_(?!norm\b).+|exp_probs_b.*|attn_(gate|q_norm|k_norm)\..+|{_SHARED_HEAD}",
}
"""Tensors of NextN (MTP) blocks that are loaded though nothing is drafted: their loaders call them
optional and forget to skip them."""
_EVERYWHERE = frozenset({"rope_freqs", "rope_factors_long", "rope_factors_short"})


def is_quantized(tensor_type: int) -> bool:
    """Is the ggml_type a quantised one."""
    return tensor_type not in _PLAIN_TYPES


def row_padding(tensor_type: int, row: int, nbytes: int, elements: int) -> int:
    """Bytes that CUDA adds to a quantised tensor of `nbytes` whose rows have `row` elements."""
    if not is_quantized(tensor_type) or row % ROW_PADDING == 0:
        return 0
    return (ROW_PADDING - row % ROW_PADDING) * nbytes // elements


def device_bytes(tensor: Tensor) -> int:
    """Bytes of a weight on a CUDA device: quantised rows padded to 512, then 128-byte alignment."""
    padding = row_padding(tensor.type, tensor.shape[0], tensor.nbytes, tensor.elements)
    return pad(tensor.nbytes + padding, CUDA_ALIGNMENT)


def host_bytes(tensor: Tensor) -> int:
    """Bytes of a weight in host memory."""
    return pad(tensor.nbytes, CPU_ALIGNMENT)


class WeightSums:
    """Sums the weights of one model under any layout; layers of equal kind are summed once."""

    def __init__(self, model: Model, *, mtp: bool = False) -> None:
        """mtp: the blocks that only draft are loaded, too."""
        self._model = model
        self._mtp = mtp
        self._layers: dict[tuple[int, int, Exceptions], dict[int, int]] = {}

    def __call__(self, layout: Layout, gpus: int) -> tuple[int, ...]:
        """Bytes per device, GPUs in order and the host last."""
        sums = [0] * (gpus + 1)
        for layer, home, exceptions in zip(self._model.layers, layout.homes, layout.exceptions, strict=False):
            key = (layer.kind, home, exceptions)
            found = self._layers.get(key)
            if found is None:
                found = self._layers[key] = self._layer(layer, home, dict(exceptions))
            for device, amount in found.items():
                sums[device] += amount
        for device, amount in self._common(layout):
            sums[device] += amount
        return tuple(sums)

    def _layer(self, layer: Layer, home: int, moved: Mapping[str, int]) -> dict[int, int]:
        sums: dict[int, int] = {}
        for name, tensor in layer.tensors.items():
            if layer.predicts and not self._mtp and not self._loaded_in_vain(name):
                continue
            device = moved.get(name, home)
            sums[device] = sums.get(device, 0) + _bytes_on(tensor, device)
        return sums

    def _loaded_in_vain(self, name: str) -> bool:
        pattern = _LOADED_IN_VAIN.get(self._model.architecture)
        return pattern is not None and re.fullmatch(pattern, name) is not None

    def _common(self, layout: Layout) -> Iterator[tuple[int, int]]:
        model, moved, output = self._model, dict(layout.common), layout.homes[-1]
        for name, tensor in model.tensors.items():
            root = name.split(".")[0]
            if root in _EVERYWHERE:
                for device in self._rotary_homes(layout):
                    yield device, _bytes_on(tensor, device)
                continue
            at_first = root in _FIRST_LAYER and model.architecture not in _OUTPUT_NORM
            first = layout.homes[0] if at_first else output
            home = moved.get(name, HOST if root in _INPUT else first)
            yield home, _bytes_on(tensor, home)
            twice = model.architecture in _OUTPUT_FIRST or moved.get(name, output) != home
            if root == "token_embd" and model.tied and twice:
                yield output, _bytes_on(tensor, output)

    def _rotary_homes(self, layout: Layout) -> set[int]:
        """Devices with a layer that uses the rotary factors: in gemma4 those without a window."""
        skip_windows = self._model.architecture == "gemma4"
        layers = self._model.layers[: self._model.n_layer]
        pairs = zip(layers, layout.homes, strict=False)
        return {home for layer, home in pairs if not (skip_windows and layer.windowed)}


def _bytes_on(tensor: Tensor, device: int) -> int:
    return host_bytes(tensor) if device == HOST else device_bytes(tensor)
