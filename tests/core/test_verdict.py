"""Verdicts of placements made by hand: what is said, and with which figures."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.ledger import Usage
from launcher.core.settings import Settings
from launcher.core.verdict import HOLDS, Judgement, shortfalls
from planning import RTX_4090, RTX_5070_TI, case, machine, mib, placement, production

DESK = machine()
SMALL = Usage(model=mib(10_000), context=mib(900), compute=mib(500))


def judgement(*usages: Usage, settings: Settings | None = None, **fields: Any) -> Judgement:
    return case(placement(*usages, on=DESK, **fields), on=DESK, settings=settings).assessment.judgement


def test_all_on_gpu_fits() -> None:
    found = judgement(SMALL, Usage(model=mib(9_000)))
    assert (found.verdict, found.reason) == ("fits", "all layers on GPU, margins kept")


def test_whole_layers_on_the_host_are_counted() -> None:
    found = judgement(SMALL, Usage(model=mib(9_000)), layers=(30, 12))
    assert found.verdict == "fits-with-offload"
    assert found.reason == "6 of 48 layers in host memory, margins kept"


def test_partial_layers_are_counted() -> None:
    found = judgement(SMALL, Usage(model=mib(9_000)), overflow=(3, 2))
    assert found.reason == "parts of 5 layers in host memory, margins kept"


def test_a_lowered_context_is_not_as_asked() -> None:
    found = judgement(SMALL, Usage(model=mib(9_000)), settings=production(n_ctx=0), n_ctx=65_536)
    assert found.verdict == "fits-with-less-context"
    assert found.reason == "context lowered from 202,752 to 65,536 tokens, margins kept"


def test_a_missed_margin_does_not_fit() -> None:
    found = judgement(SMALL, Usage(model=mib(12_000)))
    assert (found.verdict, found.reason) == ("does-not-fit", "CUDA1 misses its margin by 524 MiB")


def test_more_than_free_says_both_figures() -> None:
    found = judgement(SMALL, Usage(model=mib(13_001)))
    assert found.reason == "CUDA1 needs 501 MiB more than is free (1,525 MiB with its margin)"
    assert found.shortfalls[0].memory_missing == mib(501)


def test_host_memory_that_is_short_does_not_fit() -> None:
    found = judgement(SMALL, SMALL, layers=(20, 10), host=Usage(model=mib(70_000)))
    assert (found.verdict, found.reason) == ("does-not-fit", "Host needs 4,464 MiB more than it has")


def test_unknown_host_memory_is_unknown_only_when_it_matters() -> None:
    on = machine(memory=None)
    whole = placement(SMALL, SMALL, on=on)
    part = placement(SMALL, SMALL, on=on, layers=(20, 10))
    assert case(whole, on=on).assessment.judgement.verdict == "fits"
    assert case(part, on=on).assessment.judgement.verdict == "unknown"


def test_nothing_fits_within_the_doubt() -> None:
    almost = Usage(model=mib(21_000), context=mib(2_000), compute=mib(450))
    doubtful = judgement(almost, SMALL, doubts=("compute of this architecture is a bound",))
    assert doubtful.verdict == "unknown"
    assert doubtful.reason == "within the doubt: compute of this architecture is a bound"
    assert judgement(almost, SMALL).verdict == "fits"


def test_a_gpu_that_is_not_used_needs_no_margin() -> None:
    on = machine(RTX_4090, replace(RTX_5070_TI, free=mib(10)))
    placed = placement(SMALL, Usage(), on=on, layers=(48, 0))
    assert case(placed, on=on).assessment.judgement.verdict == "fits"


@given(st.integers(0, 24_000), st.integers(0, 24_000), st.integers(0, 2_000))
def test_more_memory_needed_never_turns_no_into_yes(first: int, second: int, more: int) -> None:
    less = judgement(Usage(model=mib(first)), Usage(model=mib(second)))
    larger = judgement(Usage(model=mib(first + more)), Usage(model=mib(second)))
    assert larger.verdict not in HOLDS or less.verdict in HOLDS


@pytest.mark.parametrize("allowance", [0, 1])
def test_shortfalls_name_only_devices_in_use(allowance: int) -> None:
    placed = placement(Usage(model=mib(30_000)), Usage(), on=DESK, layers=(48, 0))
    assert [short.device for short in shortfalls(placed, allowance)] == ["CUDA0"]
