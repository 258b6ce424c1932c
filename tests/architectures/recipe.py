"""Recipe: how to make the header of a made-up model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from architectures.pieces import EMBD, FEED, HEADS, HEADS_KV, LAYERS, LENGTH, Keys, Tensors, next_tokens, norm
from launcher.core.header import Header, MetadataValue, Tensor
from models import F32, tensor

USUAL: dict[str, MetadataValue] = {
    "block_count": LAYERS,
    "embedding_length": EMBD,
    "context_length": 131072,
    "feed_forward_length": FEED,
    "attention.head_count": HEADS,
    "attention.head_count_kv": HEADS_KV,
    "attention.layer_norm_epsilon": 1e-5,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "rope.dimension_count": LENGTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to make a header: the tensors of layer il, those outside the layers, keys beside the usual ones.

    predicting: NextN (MTP) blocks after the layers, each made as the layer `predicted_as`.
    """

    layer: Callable[[int], Tensors]
    common: tuple[Tensor, ...] = tuple(norm("output_norm"))
    keys: Keys = field(default_factory=dict)
    tied: bool = False
    output_bias: bool = False
    predicting: int = 0
    predicted_as: int = LAYERS - 1

    def header(self, architecture: str, *, vocabulary: int) -> Header:
        output = [] if self.tied else [tensor("output.weight", EMBD, vocabulary)]
        if self.output_bias:
            output.append(tensor("output.bias", vocabulary, kind=F32))
        tensors = (
            tensor("token_embd.weight", EMBD, vocabulary),
            *self.common,
            *output,
            *(
                Tensor(f"blk.{il}.{one.name}", one.shape, one.type, one.nbytes)
                for il in range(LAYERS + self.predicting)
                for one in self._block(il)
            ),
        )
        metadata: dict[str, MetadataValue] = {"general.architecture": architecture}
        keys = USUAL | {"vocab_size": vocabulary} | dict(self.keys)
        if self.predicting:
            keys |= {"block_count": LAYERS + self.predicting, "nextn_predict_layers": self.predicting}
        metadata |= {_full(architecture, key): value for key, value in keys.items()}
        return Header(
            metadata=metadata, tensors=tensors, file_bytes=sum(one.nbytes for one in tensors), source="file"
        )

    def _block(self, il: int) -> Tensors:
        if il < LAYERS:
            return self.layer(il)
        return chain(self.layer(self.predicted_as), next_tokens())


def _full(architecture: str, key: str) -> str:
    return key if key.startswith(("tokenizer.", "xielu.")) else f"{architecture}.{key}"


def same(*parts: Tensors) -> Callable[[int], Tensors]:
    """Layers that all have these tensors."""
    tensors = tuple(chain.from_iterable(parts))
    return lambda il: tensors
