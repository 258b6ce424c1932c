"""up, evidence, bench: what a real llama.cpp server shows of itself, in Docker."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.stage import Stage

pytestmark = pytest.mark.e2e

CACHE_BYTES_PER_TOKEN = 30 * 2 * 3 * 64 * 2
"""Of SmolLM2-135M: layers, K and V, heads, their length, bytes of f16."""


@pytest.fixture
def conf(project: Callable[[str], Stage]) -> Stage:
    """Two profiles that work and one that the server refuses."""
    return project("[short]\nCTX_SIZE=512\n[long]\nCTX_SIZE=1024\n[broken]\nEXTRA_ARGS=--no-such-flag\n")


def told(stage: Stage, *words: str) -> Any:
    done = stage.launcher(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_start_leaves_what_the_server_really_allocated(conf: Stage) -> None:
    assert conf.launcher("up", "long").returncode == 0
    (record,) = told(conf, "evidence", "long")["records"]
    assert record["complete"]
    assert record["build"]
    assert record["digest"].startswith("sha256:")
    (host,) = record["measured"]["devices"]
    file_bytes = (Path(conf.site.models_dir) / "smollm2.gguf").stat().st_size
    assert 0.9 < host["usage"]["model"] / file_bytes < 1.1
    assert host["usage"]["context"] == 1024 * CACHE_BYTES_PER_TOKEN
    assert record["measured"]["n_ctx"] == 1024
    assert record["projected"]["devices"][0]["usage"]["context"] == host["usage"]["context"] // 2**20 * 2**20
    (device,) = told(conf, "status")["devices"]
    assert device["measured"] == sum(host["usage"].values())


def test_a_restart_is_kept_beside_the_same_plan(conf: Stage) -> None:
    assert conf.launcher("up", "long").returncode == 0
    (first,) = told(conf, "evidence", "long")["records"]
    assert conf.launcher("restart").returncode == 0
    (second,) = told(conf, "evidence", "long")["records"]
    assert second["at"] > first["at"]
    assert second["predicted"] == first["predicted"]
    assert second["measured"]["devices"][0]["usage"] == first["measured"]["devices"][0]["usage"]


def test_a_server_that_never_became_healthy_is_marked_incomplete(conf: Stage) -> None:
    assert conf.launcher("up", "broken").returncode == 1
    (record,) = told(conf, "evidence")["records"]
    assert (record["complete"], record["measured"], record["findings"]) == (False, None, [])


def test_two_profiles_are_started_measured_and_compared(conf: Stage) -> None:
    bench = told(conf, "bench", "short", "long", "--prompt-lengths", "32,128")
    assert [run["profile"] for run in bench["runs"]] == ["short", "long"]
    for run in bench["runs"]:
        assert [speed["prompt_tokens"] for speed in run["speeds"]] == [32, 128]
        assert all(speed["answer_tokens"] == 64 for speed in run["speeds"])
    assert [ratio["prompt_tokens"] for ratio in bench["ratios"]] == [32, 128]
    (kept,) = told(conf, "evidence", "short")["records"]
    assert kept["speeds"] == bench["runs"][0]["speeds"]
    again = told(conf, "bench", "long", "--prompt-lengths", "32", "--against", "short")
    assert [ratio["prompt_tokens"] for ratio in again["ratios"]] == [32]


def test_a_server_that_dies_at_a_prompt_is_reported_as_that(conf: Stage) -> None:
    assert conf.launcher("up", "long").returncode == 0
    words = (sys.executable, "-m", "launcher", "bench", "long", "--prompt-lengths", "900")
    with subprocess.Popen(words, cwd=conf.root, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr is not None
        for line in bench.stderr:
            if "a prompt of 900 tokens" in line:
                break
        subprocess.run(("docker", "kill", conf.container()["Id"]), check=True, capture_output=True)
        said = bench.stderr.read()
        assert bench.wait() == 1
    assert "the server died at a prompt of 900 tokens: the server was killed (exit code 137)" in said
    (record,) = told(conf, "evidence", "long")["records"]
    assert record["speeds"] == []


def test_a_prompt_longer_than_the_context_is_refused(conf: Stage) -> None:
    assert conf.launcher("up", "short").returncode == 0
    done = conf.launcher("bench", "--prompt-lengths", "512")
    assert done.returncode == 2
    assert "do not fit in a context of 512" in done.stderr
