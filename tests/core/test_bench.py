"""Prompt lengths and ratios."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.bench import MAX_LENGTHS, Ratio, prompt, prompt_lengths, ratios
from launcher.core.errors import UsageError
from launcher.core.evidence import Speed


def speed(length: int, prompt: float, answer: float) -> Speed:
    return Speed(prompt_tokens=length, answer_tokens=64, prompt_per_second=prompt, answer_per_second=answer)


@pytest.mark.parametrize(
    ("n_ctx", "lengths"),
    [(131072, (512, 4096, 130992)), (4096, (512, 4016)), (592, (512,)), (512, (432,)), (100, (20,))],
)
def test_the_longest_default_prompt_nearly_fills_the_context(n_ctx: int, lengths: tuple[int, ...]) -> None:
    assert prompt_lengths((), n_ctx) == lengths


@given(st.integers(81, 10**6))
def test_every_default_length_leaves_room_for_the_answer(n_ctx: int) -> None:
    assert max(prompt_lengths((), n_ctx, 64)) + 64 < n_ctx


def test_wanted_lengths_come_in_ascending_order_and_once() -> None:
    assert prompt_lengths((1024, 128, 1024), 4096) == (128, 1024)


@pytest.mark.parametrize(
    ("wanted", "n_ctx", "message"),
    [
        ((4096,), 4096, "do not fit in a context of 4,096"),
        ((), 80, "too short"),
        (tuple(range(1, MAX_LENGTHS + 2)), 4096, f"at most {MAX_LENGTHS} lengths"),
    ],
)
def test_what_cannot_be_measured_is_refused(wanted: tuple[int, ...], n_ctx: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prompt_lengths(wanted, n_ctx)


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=50), st.integers(1, 1000))
def test_a_prompt_has_the_length_that_was_asked_for(words: list[int], length: int) -> None:
    made = prompt(words, length)
    assert len(made) == length
    assert set(made) <= set(words)


def test_ratios_are_of_the_lengths_in_common() -> None:
    before = [speed(512, 1000, 80), speed(4096, 800, 60)]
    after = [speed(512, 1500, 60), speed(8192, 700, 40)]
    assert ratios(before, after) == (Ratio(prompt_tokens=512, prompt=1.5, answer=0.75),)
