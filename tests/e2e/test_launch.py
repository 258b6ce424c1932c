"""The launch path as a user walks it: real processes of launcher, real Docker, a real server."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from e2e.stage import Stage

pytestmark = pytest.mark.e2e

REFUSED_FLAG = "--no-such-flag"


@pytest.fixture
def conf(project: Callable[[str], Stage]) -> Stage:
    """Two profiles that work and one that the server refuses."""
    return project(
        f"[one]\nCTX_SIZE=1024\n[two]\nCTX_SIZE=2048\nEXTRA_ARGS=--temp 0.25\n"
        f"[broken]\nEXTRA_ARGS={REFUSED_FLAG}\n"
    )


def status(stage: Stage) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(stage.launcher("status", "--json").stdout)
    return told


def running(stage: Stage) -> str | None:
    """The profile whose server is healthy."""
    instance = status(stage)["instance"]
    return instance["profile"] if instance and instance["state"] == "healthy" else None


def begin(stage: Stage, *words: str) -> "subprocess.Popen[str]":
    """``launcher`` in the background."""
    return subprocess.Popen(
        (sys.executable, "-m", "launcher", *words),
        cwd=stage.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def container_of(stage: Stage) -> str | None:
    instance = stage.runtime.instance()
    return instance.profile if instance else None


def test_up_ends_with_a_server_that_has_the_settings(conf: Stage) -> None:
    done = conf.launcher("up", "two")
    assert done.returncode == 0, done.stderr
    url = f"http://127.0.0.1:{conf.profile.host_port}"
    assert url in done.stdout
    assert conf.server.props(url).n_ctx == 2048
    assert conf.server.models(url) == ("two",)
    assert conf.server.ask(url, "Say hello.", max_tokens=4).answer_tokens == 4
    assert status(conf)["state"] == "running as planned"
    assert conf.launcher("down").returncode == 0
    assert conf.runtime.instance() is None


def test_an_older_launchers_compose_file_is_refused_before_anything_is_stopped(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    compose = conf.root / "docker-compose.yml"
    compose.write_text(compose.read_text(encoding="utf-8").replace("env_file:", "x-old:"), encoding="utf-8")
    refused = conf.launcher("up", "two", "--yes")
    assert (refused.returncode, running(conf)) == (2, "one")
    assert "env_file" in refused.stderr


def test_up_switches_and_a_broken_profile_brings_the_old_one_back(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    assert conf.launcher("up", "two", "--yes").returncode == 0
    assert running(conf) == "two"
    failed = conf.launcher("up", "broken")
    assert failed.returncode == 1
    assert REFUSED_FLAG in failed.stderr
    assert running(conf) == "two"


def test_a_profile_that_changed_is_noticed(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    assert conf.launcher("set", "one", "CTX_SIZE=512").returncode == 0
    assert status(conf)["state"] == "profile changed since"


def test_a_container_killed_from_outside_is_noticed(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    instance = conf.runtime.instance()
    assert instance is not None
    docker("update", "--restart=no", instance.id)
    docker("kill", instance.id)
    assert status(conf)["state"] == "exited with code 137"
    docker("rm", instance.id)
    assert status(conf)["state"] == "gone: one was stopped by something else"
    assert conf.launcher("up", "one").returncode == 0


def test_a_launcher_killed_in_the_middle_of_up_is_mended(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    with begin(conf, "up", "two", "--yes") as victim:
        conf.until(lambda: container_of(conf) == "two", "the new container exists")
        victim.send_signal(signal.SIGKILL)
    assert status(conf)["interrupted"] == "two"
    assert conf.launcher("up", "two", "--yes").returncode == 0
    assert running(conf) == "two"
    assert status(conf)["interrupted"] is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_up_brings_the_old_one_back(conf: Stage, number: signal.Signals) -> None:
    assert conf.launcher("up", "one").returncode == 0
    with begin(conf, "up", "two", "--yes") as victim:
        conf.until(lambda: container_of(conf) != "one", "the old one is stopped")
        victim.send_signal(number)
        assert victim.wait(timeout=240) == 130
    assert running(conf) == "one"


def test_two_ups_at_once_end_with_one_server(conf: Stage) -> None:
    with begin(conf, "up", "one", "--yes") as first, begin(conf, "up", "two", "--yes") as second:
        codes = {first.wait(timeout=240), second.wait(timeout=240)}
    assert codes <= {0, 1}
    assert 0 in codes
    assert running(conf) in ("one", "two")


def test_a_taken_port_is_told_before_anything_is_stopped(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    words = (sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as other:
        assert other.stdout is not None
        port = other.stdout.readline().split("port ")[1].split()[0]
        assert conf.launcher("set", "two", f"HOST_PORT={port}").returncode == 0
        done = conf.launcher("up", "two", "--yes")
        other.kill()
    assert done.returncode == 1
    assert f"port {port} is taken by python" in done.stderr
    assert running(conf) == "one"


def test_the_embedded_server_behaves_alike(conf: Stage) -> None:
    assert conf.launcher("up", "one").returncode == 0
    done = conf.launcher("up", "two", "--runtime", "embedded", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["instance"]["runtime"] == "embedded"
    assert conf.runtime.instance() is None
    assert status(conf)["state"] == "running as planned"
    assert conf.launcher("logs", "--tail", "1").stdout.count("\n") == 1
    assert conf.launcher("down").returncode == 0
    assert status(conf)["instance"] is None


def docker(*words: str) -> None:
    subprocess.run(("docker", *words), check=True, stdout=subprocess.DEVNULL)
