"""What a header says of single layers beside heads and windows (``src/models/*.cpp``, build 11160)."""

from launcher.core.model.metadata import Metadata

_SPARSE = frozenset({"deepseek32", "glm-dsa"})
_CLAMPED = frozenset({"bailingmoe3", "step35"})
_LONG_CONTEXT = 1048576
"""From this trained context on, glm-dsa shares indexers unless the header says otherwise (GLM-5.2)."""
_UNROTATED_STEP = 4
"""``n_no_rope_layer_step``: each fourth layer has no rotary embeddings."""
_STEPPING = frozenset({"afmoe", "smollm3"})


def deepened(meta: Metadata, n_layer_all: int) -> tuple[bool, ...]:
    """Layers after which a part of the input embeddings is added: the first ones, or as mapped (granite)."""
    mapping = meta.array("deepstack_mapping")
    if mapping is None:
        first = meta.integer("n_deepstack_layers", 0)
        return tuple(il < first for il in range(n_layer_all))
    following = (*mapping[1:n_layer_all], *(-1,) * n_layer_all)
    return tuple(index >= 0 for index in following[:n_layer_all])


def clamped(meta: Metadata, name: str, n_layer_all: int) -> tuple[bool, ...]:
    """Where a limit is given and isn't part of the activation itself (``build_ffn``)."""
    if meta.architecture not in _CLAMPED:
        return (False,) * n_layer_all
    return tuple(limit > 0 for limit in meta.per_layer(name, n_layer_all, 0))


def indexed(meta: Metadata, n_layer: int, il: int) -> int:
    """Width of the indexer's key; glm-dsa has an indexer in some layers only (``is_indexer_full``).

    Where it isn't known what the indexer keeps, as much again for a value, in every layer.
    """
    width = meta.integer("attention.indexer.key_length", 0)
    if il >= n_layer:
        return 0
    if meta.architecture not in _SPARSE:
        return 2 * width
    listed = meta.array("attention.indexer.types")
    if listed is not None:
        return width if il < len(listed) and listed[il] else 0
    everywhere = meta.architecture != "glm-dsa" or meta.integer("context_length") < _LONG_CONTEXT
    return width if everywhere or il < 2 or (il - 2) % 4 == 0 else 0


def unrotated(meta: Metadata, n_layer_all: int) -> tuple[bool, ...]:
    """Layers without rotary embeddings, whatever their window."""
    if meta.architecture in _STEPPING:
        return tuple((il + 1) % _UNROTATED_STEP == 0 for il in range(n_layer_all))
    pattern = meta.array("attention.rope_pattern") or ()
    return tuple(not rotated for rotated in (*pattern, *(1,) * n_layer_all)[:n_layer_all])
