"""What a server is doing while it starts, read from its log."""

from typing import Literal

Phase = Literal["starting", "loading", "warming up", "ready"]

# llama.cpp's own words (tools/server/server.cpp and src/llama-model-loader.cpp, build 11160)
_MARKS: tuple[tuple[str, Phase], ...] = (
    ("server is listening", "ready"),
    ("all slots are idle", "ready"),
    ("warming up the model", "warming up"),
    ("initializing slots", "warming up"),
    ("loading model", "loading"),
    ("llama_model_loader:", "loading"),
    ("load_tensors:", "loading"),
)
FIRST: Phase = "starting"
_ORDER: tuple[Phase, ...] = ("starting", "loading", "warming up", "ready")


def advance(phase: Phase, line: str) -> Phase:
    """The phase after `line`; never goes back."""
    seen = next((name for mark, name in _MARKS if mark in line), phase)
    return max(phase, seen, key=_ORDER.index)
