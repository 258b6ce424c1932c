"""What a running llama-server answers."""

from dataclasses import dataclass
from typing import Literal

Health = Literal["ok", "loading", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Props:
    """What the server says of itself: `n_ctx` is per slot; `model_path` as the server sees it."""

    model_path: str
    alias: str
    n_ctx: int
    slots: int
    build: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply, and how fast it came: tokens, and tokens per second (None when it says nothing)."""

    text: str
    prompt_tokens: int
    answer_tokens: int
    prompt_per_second: float | None
    answer_per_second: float | None
