"""Attention heads and widths per layer (``load_hparams`` in ``src/llama-model.cpp``, build 11160)."""

from dataclasses import dataclass

from launcher.core.model.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """One number per layer in `query`, `key_value` (heads) and `feed_forward` (width).

    lengths, window_lengths: (key, value) elements per head in full and in window layers.
    """

    query: tuple[int, ...]
    key_value: tuple[int, ...]
    feed_forward: tuple[int, ...]
    lengths: tuple[int, int]
    window_lengths: tuple[int, int]

    @classmethod
    def read(cls, meta: Metadata, n_layer_all: int, n_embd: int) -> "Heads":
        """The heads of a model; a missing ``head_count_kv`` means as many as query heads."""
        query = meta.per_layer("attention.head_count", n_layer_all, 0)
        lengths = _lengths(meta, n_embd, query[0])
        return cls(
            query=query,
            key_value=_key_value(meta, query),
            feed_forward=meta.per_layer("feed_forward_length", n_layer_all, 0),
            lengths=lengths,
            window_lengths=(
                meta.integer("attention.key_length_swa", lengths[0]),
                meta.integer("attention.value_length_swa", lengths[1]),
            ),
        )


def _key_value(meta: Metadata, query: tuple[int, ...]) -> tuple[int, ...]:
    name = "attention.head_count_kv"
    if meta.array(name) is None and meta.optional(name) is None:
        return query
    return meta.per_layer(name, len(query), 0)


def _lengths(meta: Metadata, n_embd: int, heads: int) -> tuple[int, int]:
    if not heads:
        return 0, 0
    key = meta.integer("attention.key_length", n_embd // heads)
    value = meta.integer("attention.value_length", n_embd // heads)
    if meta.architecture == "kimi-k3":
        value = meta.integer("attention.kv_lora_rank")
    return key, value
