"""Headers of small made-up models, tensor by tensor."""

from collections.abc import Mapping

from launcher.core.header import Header, MetadataValue, Tensor
from launcher.core.model import Model

F32, F16, Q8_0 = 0, 1, 8
BLOCKS = {F32: (1, 4), F16: (1, 2), Q8_0: (32, 34)}


def tensor(name: str, *shape: int, kind: int = F16) -> Tensor:
    count = 1
    for extent in shape:
        count *= extent
    block, size = BLOCKS[kind]
    return Tensor(name, shape, kind, count // block * size)


def dense_block(il: int, embd: int, heads_kv: int, feed: int, kind: int = F16) -> list[Tensor]:
    """One layer of a llama with heads of 64."""
    return [
        tensor(f"blk.{il}.attn_norm.weight", embd, kind=F32),
        tensor(f"blk.{il}.attn_q.weight", embd, embd, kind=kind),
        tensor(f"blk.{il}.attn_k.weight", embd, heads_kv * 64, kind=kind),
        tensor(f"blk.{il}.attn_v.weight", embd, heads_kv * 64, kind=kind),
        tensor(f"blk.{il}.attn_output.weight", embd, embd, kind=kind),
        tensor(f"blk.{il}.ffn_norm.weight", embd, kind=F32),
        tensor(f"blk.{il}.ffn_gate.weight", embd, feed, kind=kind),
        tensor(f"blk.{il}.ffn_up.weight", embd, feed, kind=kind),
        tensor(f"blk.{il}.ffn_down.weight", feed, embd, kind=kind),
    ]


def moe_block(il: int, embd: int, heads_kv: int, feed: int, experts: int) -> list[Tensor]:
    """The same with routed experts instead of the feed-forward."""
    kept = [
        one for one in dense_block(il, embd, heads_kv, feed) if ".ffn_norm" in one.name or "attn" in one.name
    ]
    return [
        *kept,
        tensor(f"blk.{il}.ffn_gate_inp.weight", embd, experts, kind=F32),
        tensor(f"blk.{il}.ffn_gate_exps.weight", embd, feed, experts),
        tensor(f"blk.{il}.ffn_up_exps.weight", embd, feed, experts),
        tensor(f"blk.{il}.ffn_down_exps.weight", feed, embd, experts),
    ]


def header(
    *,
    architecture: str = "llama",
    layers: int = 8,
    embd: int = 1024,
    heads_kv: int = 4,
    feed: int = 4096,
    vocabulary: int = 32000,
    trained: int = 32768,
    experts: int = 0,
    tied: bool = False,
    kind: int = F16,
    extra: Mapping[str, MetadataValue] | None = None,
) -> Header:
    """A transformer with heads of 64; with `experts` four of them are used."""
    metadata: dict[str, MetadataValue] = {
        "general.architecture": architecture,
        f"{architecture}.block_count": layers,
        f"{architecture}.embedding_length": embd,
        f"{architecture}.context_length": trained,
        f"{architecture}.feed_forward_length": feed,
        f"{architecture}.attention.head_count": embd // 64,
        f"{architecture}.attention.head_count_kv": heads_kv,
        f"{architecture}.vocab_size": vocabulary,
    }
    if experts:
        metadata |= {f"{architecture}.expert_count": experts, f"{architecture}.expert_used_count": 4}
    metadata |= {f"{architecture}.{key}": value for key, value in (extra or {}).items()}
    blocks = (
        moe_block(il, embd, heads_kv, feed, experts)
        if experts
        else dense_block(il, embd, heads_kv, feed, kind)
        for il in range(layers)
    )
    output = [] if tied else [tensor("output.weight", embd, vocabulary, kind=kind)]
    tensors = (
        tensor("token_embd.weight", embd, vocabulary, kind=kind),
        tensor("output_norm.weight", embd, kind=F32),
        *output,
        *(one for block in blocks for one in block),
    )
    return Header(
        metadata=metadata, tensors=tensors, file_bytes=sum(one.nbytes for one in tensors), source="file"
    )


def model(**options: object) -> Model:
    """Model.of a `header` with these options."""
    return Model.of(header(**options))  # type: ignore[arg-type]
