"""Words for what sets a model apart, in llama.cpp's own terms."""

from launcher.core.model.facts import Model


def features(model: Model) -> tuple[str, ...]:
    """What sets `model` apart from a dense transformer with a plain KV cache: moe, mla, swa (sliding
    windows), recurrent (states instead of a cache) or hybrid (both), mtp."""
    cached = [layer for layer in model.layers if layer.cached]
    recurrent = any(layer.recurrent and not layer.predicts for layer in model.layers)
    found = {
        "moe": model.moe,
        "mla": model.mla,
        "swa": any(layer.windowed for layer in cached),
        "recurrent": recurrent and not cached,
        "hybrid": recurrent and bool(cached),
        "mtp": model.nextn_layers > 0,
    }
    return tuple(word for word, applies in found.items() if applies)
