"""`launcher tune --bench`: real candidates are started and measured, and what ran before runs again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any

import pytest

from e2e.stage import Stage

pytestmark = pytest.mark.e2e

WORDS = ("tune", "small", "--bench", "--prompt-lengths", "16", "--yes")


@pytest.fixture
def conf(project: Callable[[str], Stage]) -> Stage:
    """A profile to tune, whose dry runs are asked of its own image; another that runs already; and one
    that the server refuses, but not the dry run."""
    stage = project(
        "[small]\nCTX_SIZE=512\nUBATCH=256\n[other]\nCTX_SIZE=768\n"
        "[broken]\nEXTENDS=small\nEXTRA_ARGS=--no-such-flag\n"
    )
    assert stage.launcher("up", "other").returncode == 0
    return stage


def status(stage: Stage) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(stage.launcher("status", "--json").stdout)
    return told


def is_back(stage: Stage, plan_hash: str) -> bool:
    told = status(stage)
    return (told["state"], told["instance"]["plan_hash"]) == ("running as planned", plan_hash)


def test_candidates_are_measured_and_the_server_from_before_is_back(conf: Stage) -> None:
    before = status(conf)["instance"]["plan_hash"]
    done = conf.launcher(*WORDS, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ranked_by"] == "measured"
    candidates = {each["about"]: each["measured"] for each in found["candidates"]}
    assert set(candidates) == {"as the profile says", "UBATCH=128"}
    for measured in candidates.values():
        (speed,) = measured["speeds"]
        assert (speed["prompt_tokens"], speed["answer_tokens"]) == (16, 64)
        assert speed["prompt_per_second"] > 0
        assert speed["answer_per_second"] > 0
        assert measured["failure"] is None
    assert is_back(conf, before)
    (record, *_) = json.loads(conf.launcher("evidence", "small", "--json").stdout)["records"]
    assert record["speeds"]


def test_candidates_that_do_not_start_are_told_and_what_ran_is_back(conf: Stage) -> None:
    before = status(conf)["instance"]["plan_hash"]
    done = conf.launcher("tune", "broken", "--bench", "--yes", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["recommendation"] is None
    for each in found["candidates"]:
        assert "--no-such-flag" in each["measured"]["failure"]
    assert is_back(conf, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_measuring_brings_it_back(conf: Stage, number: signal.Signals) -> None:
    before = status(conf)["instance"]["plan_hash"]
    with begin(conf, WORDS) as tuning:
        assert tuning.stderr is not None
        read_until(tuning.stderr, "small: a prompt of 16 tokens")
        tuning.send_signal(number)
        tuning.communicate(timeout=240)
        assert tuning.returncode == 130
    assert is_back(conf, before)


def test_a_candidate_that_is_killed_is_told_and_the_next_one_goes_on(conf: Stage) -> None:
    with begin(conf, WORDS) as tuning:
        assert tuning.stderr is not None
        read_until(tuning.stderr, "small: a prompt of 16 tokens")
        subprocess.run(("docker", "kill", conf.container()["Id"]), check=True, capture_output=True)
        shown, _ = tuning.communicate(timeout=240)
        assert tuning.returncode == 0
    assert "of 2 that were started, it is the fastest; the profile as it is did not run" in shown


def test_the_embedded_runtime_is_measured_alike(conf: Stage) -> None:
    assert conf.launcher("set", "small", "RUNTIME=embedded").returncode == 0
    done = conf.launcher(*WORDS, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ranked_by"] == "measured"
    assert status(conf)["instance"]["runtime"] == "compose"


def begin(stage: Stage, words: Sequence[str]) -> "subprocess.Popen[str]":
    """``launcher`` in the background, its words to be read."""
    return subprocess.Popen(
        (sys.executable, "-m", "launcher", *words),
        cwd=stage.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(stream: IO[str], text: str) -> None:
    assert any(text in line for line in stream), f"never said: {text}"
