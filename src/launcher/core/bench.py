"""Speed at given prompt lengths, and two such results side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from launcher.core.errors import misuse
from launcher.core.evidence import Speed

LENGTHS = (512, 4096)
ANSWER_TOKENS = 64
MAX_LENGTHS = 16
SPARE = 16
"""Tokens of the context that the longest prompt leaves beside the answer: the server adds a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What one server did. n_ctx: tokens of one slot.

    peak: most bytes in use at once by GPU key, beyond what was in use before the server started; GPUs
    that nobody looked at before aren't in it. failure: why the lengths after the last speed are missing.
    """

    profile: str
    plan_hash: str
    n_ctx: int
    speeds: tuple[Speed, ...]
    peak: Mapping[str, int] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How many times as fast the second is as the first, at one prompt length."""

    prompt_tokens: int
    prompt: float
    answer: float


def prompt_lengths(wanted: Sequence[int], n_ctx: int, answer_tokens: int = ANSWER_TOKENS) -> tuple[int, ...]:
    """Lengths in ascending order; with none wanted: 512, 4,096 and near the full context.

    Raises UsageError for a length that does not fit the context with its answer, and for too many.
    """
    longest = n_ctx - answer_tokens - SPARE
    if longest < 1:
        raise misuse(f"a context of {n_ctx:,} tokens is too short to measure", hint="raise CTX_SIZE")
    if not wanted:
        return (*(length for length in LENGTHS if length < longest), longest)
    over = [length for length in wanted if length > longest]
    if over:
        raise misuse(
            f"{over[0]:,} tokens and an answer of {answer_tokens} do not fit in a context of {n_ctx:,}",
            where="--prompt-lengths",
            hint=f"at most {longest:,}",
        )
    if len(wanted) > MAX_LENGTHS:
        raise misuse(f"at most {MAX_LENGTHS} lengths", where="--prompt-lengths")
    return tuple(sorted(set(wanted)))


def prompt(words: Sequence[int], length: int) -> tuple[int, ...]:
    """A prompt of `length` tokens: `words`, again and again."""
    repeats = -(-length // len(words))
    return tuple((list(words) * repeats)[:length])


def ratios(before: Sequence[Speed], after: Sequence[Speed]) -> tuple[Ratio, ...]:
    """The speeds of `after` by those of `before`, where both have the same prompt length."""
    first = {speed.prompt_tokens: speed for speed in before}
    return tuple(
        Ratio(
            prompt_tokens=speed.prompt_tokens,
            prompt=speed.prompt_per_second / first[speed.prompt_tokens].prompt_per_second,
            answer=speed.answer_per_second / first[speed.prompt_tokens].answer_per_second,
        )
        for speed in after
        if speed.prompt_tokens in first
    )
