"""Candidates as real servers: which are started, and what their speeds decide."""

import pytest

from launcher.core.evidence import Speed
from launcher.core.tune import Run, Trial, Tuning, few
from launcher.core.tune.report import to_json
from tuning import tried


def ran(trial: Trial, prompt: float, answer: float, *, failure: str | None = None) -> Run:
    speed = Speed(prompt_tokens=512, answer_tokens=64, prompt_per_second=prompt, answer_per_second=answer)
    return Run(trial=trial, seconds=4.0, speeds=(speed,), peak={"GPU-1": 7}, failure=failure)


BASE, SECOND, THIRD = tried(), tried("256", host=100), tried("128", host=200)
TRIALS = (BASE, SECOND, THIRD)


def tuning(*runs: Run) -> Tuning:
    return Tuning(trials=TRIALS, runs=runs)


def test_the_profile_as_it_is_and_the_best_three_others_are_started() -> None:
    others = tuple(tried(str(host), host=host) for host in (10, 20, 30, 40))
    worst = tried(host=50)
    assert few((worst, *others)) == (*others[:3], worst)


def test_what_misses_a_margin_is_not_started() -> None:
    short = tried(left=100)
    assert few((short, SECOND)) == (SECOND,)
    assert few((short,)) == ()


def test_what_lies_alike_is_started_once_and_as_the_profile_has_it() -> None:
    assert few((BASE, tried("twin"), SECOND)) == (BASE, SECOND)


def test_less_context_is_no_rival() -> None:
    assert few((BASE, tried("short", host=5, n_ctx=2048))) == (BASE,)


def test_measured_speed_goes_before_what_the_dry_runs_say() -> None:
    found = tuning(ran(BASE, 100, 10), ran(THIRD, 200, 10))
    assert found.order == [THIRD, BASE, SECOND]
    assert found.recommended is THIRD
    assert found.reason == (
        "of 2 that were started, it is the fastest: prompt of 512 tokens 2.00x, answer 1.00x"
    )


def test_prompt_and_answer_count_alike() -> None:
    assert tuning(ran(BASE, 100, 10), ran(SECOND, 120, 8)).recommended is BASE
    assert tuning(ran(BASE, 100, 10), ran(SECOND, 120, 9)).recommended is SECOND


def test_a_difference_within_the_noise_changes_nothing() -> None:
    found = tuning(ran(BASE, 100, 10), ran(SECOND, 102, 10))
    assert found.recommended is BASE
    assert found.reason == "of 2 that were started, none is more than 3% faster than the profile as it is"


def test_one_that_failed_is_last_however_fast_it_was() -> None:
    found = tuning(ran(BASE, 100, 10), ran(SECOND, 900, 90, failure="it died at a long prompt"))
    assert found.order == [BASE, THIRD, SECOND]
    assert found.recommended is BASE


def test_where_the_profile_as_it_is_fails_the_fastest_other_is_recommended() -> None:
    found = tuning(Run(trial=BASE, failure="out of memory"), ran(SECOND, 100, 10))
    assert found.recommended is SECOND
    assert found.reason == "of 2 that were started, it is the fastest; the profile as it is did not run"


def test_where_all_fail_nothing_is_recommended() -> None:
    found = tuning(Run(trial=BASE, failure="no"), Run(trial=SECOND, failure="no"))
    assert found.recommended is None
    assert found.reason == "no candidate that was started answered every prompt"


@pytest.mark.parametrize(("runs", "by"), [((), "dry-run"), ((ran(SECOND, 100, 10),), "measured")])
def test_the_json_says_what_was_measured(runs: tuple[Run, ...], by: str) -> None:
    made = to_json("p", "desk", tuning(*runs))
    assert made["ranked_by"] == by
    measured = {each["about"]: each["measured"] for each in made["candidates"]}
    assert measured["as the profile says"] is None
    assert measured["256"] == (
        {
            "seconds": 4.0,
            "speeds": [
                {
                    "prompt_tokens": 512,
                    "answer_tokens": 64,
                    "prompt_per_second": 100,
                    "answer_per_second": 10,
                }
            ],
            "peak_bytes": {"GPU-1": 7},
            "failure": None,
        }
        if runs
        else None
    )
