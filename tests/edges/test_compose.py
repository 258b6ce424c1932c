"""The edge to Docker: what is run, what its answers mean. No Docker is needed: see tests/e2e."""

import os
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException
from docker.models.containers import Container

from launcher.core.errors import LauncherError
from launcher.edges.compose import ComposeCli
from launcher.edges.compose.engine import explanation, to_instance, whole_lines
from launcher.edges.compose.program import compose


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for Docker's plugin Compose; the test writes its script."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    script(docker, "")
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    command = tmp_path / "config" / "cli-plugins" / "docker-compose"
    command.parent.mkdir(parents=True)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    return command


def script(command: Path, text: str) -> None:
    command.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    command.chmod(0o755)


def test_compose_runs_in_the_project_folder_with_words(plugin: Path, tmp_path: Path) -> None:
    project = tmp_path / "a project"
    project.mkdir()
    script(plugin, 'for word in "$@"; do echo "$word"; done > words; pwd >> words')
    ComposeCli(project).up()
    assert (project / "words").read_text(encoding="utf-8").splitlines() == [
        *("--progress", "plain", "up", "--detach", "--remove-orphans"),
        str(project),
    ]


def test_the_users_environment_does_not_go_before_the_files(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LLAMA_ARG_CTX_SIZE", "LAUNCHER_IMAGE", "COMPOSE_FILE", "EDITOR"):
        monkeypatch.setenv(name, "from the shell")
    script(plugin, "env > environment")
    ComposeCli(tmp_path).up()
    passed = (tmp_path / "environment").read_text(encoding="utf-8").splitlines()
    assert [line for line in passed if line.endswith("=from the shell")] == ["EDITOR=from the shell"]


def test_what_compose_reports_is_passed_on(plugin: Path, tmp_path: Path) -> None:
    script(plugin, "echo 'server Pulling' >&2; echo ' Container x  Started' >&2")
    said: list[str] = []
    ComposeCli(tmp_path, said.append).up()
    assert said == ["server Pulling", "Container x  Started"]


def test_a_failure_of_compose_is_diagnosed(plugin: Path, tmp_path: Path) -> None:
    message = "Error response from daemon: Bind for 127.0.0.1:8080 failed: port is already allocated"
    script(plugin, f"echo '{message}' >&2; exit 1")
    with pytest.raises(LauncherError) as raised:
        ComposeCli(tmp_path).up()
    assert str(raised.value) == (
        f"the port is taken: 127.0.0.1:8080\n  {message}\n"
        "  hint: stop what listens there, or set HOST_PORT in the profile"
    )


def test_compose_is_the_plugin_that_docker_would_run(plugin: Path, tmp_path: Path) -> None:
    shared = tmp_path / "lib" / plugin.name
    shared.parent.mkdir()
    script(shared, "")
    assert compose([shared.parent]) == (str(shared),)
    script(plugin, "")
    assert compose([shared.parent]) == (str(plugin),)


@pytest.mark.usefixtures("plugin")
def test_where_the_plugin_is_elsewhere_docker_finds_it(tmp_path: Path) -> None:
    assert compose([tmp_path]) == ("docker", "compose")


def test_docker_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherError, match="'docker' is not there"):
        ComposeCli(tmp_path).version()


def container(status: str, **state: Any) -> Container:
    return Container(
        {
            "Id": "45d49fc52adb",
            "Config": {
                "Image": "ghcr.io/ggml-org/llama.cpp:server",
                "Labels": {
                    "launcher.profile": "small",
                    "launcher.plan": "f894",
                    "launcher.url": "http://127.0.0.1:8080",
                },
            },
            "State": {
                "Status": status,
                "ExitCode": 0,
                "StartedAt": "2026-11-21T10:00:27.691802042Z",
            }
            | state,
            "RestartCount": 1,
        }
    )


@pytest.mark.parametrize(
    ("status", "health", "state"),
    [
        ("running", "starting", "starting"),
        ("running", "healthy", "healthy"),
        ("running", "unhealthy", "unhealthy"),
        ("running", None, "starting"),
        ("paused", "healthy", "unhealthy"),
        ("restarting", "unhealthy", "exited"),
        ("created", None, "exited"),
        ("exited", None, "exited"),
        ("dead", None, "exited"),
    ],
)
def test_dockers_states_in_the_launchers_words(status: str, health: str | None, state: str) -> None:
    observed = to_instance(container(status, **({"Health": {"Status": health}} if health else {})))
    assert observed.state == state


def test_a_running_container_is_an_instance() -> None:
    observed = to_instance(container("running", Health={"Status": "healthy"}))
    assert (observed.id, observed.profile, observed.plan_hash) == ("45d49fc52adb", "small", "f894")
    assert (observed.url, observed.image) == ("http://127.0.0.1:8080", "ghcr.io/ggml-org/llama.cpp:server")
    assert observed.started == pytest.approx(1795255227.691802)
    assert (observed.exit_code, observed.restarts) == (None, 1)


def test_an_exit_code_is_told_only_of_a_server_that_ran() -> None:
    assert to_instance(container("exited", ExitCode=137)).exit_code == 137
    assert to_instance(container("created")).exit_code is None


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([], []),
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\nt", b"wo"], ["one", "two"]),
        ([b"caf\xc3", b"\xa9\r\n"], ["café"]),
        ([b"\n\n"], ["", ""]),
        ([b"\xff\n"], ["\ufffd"]),
    ],
)
def test_log_lines_are_put_together_from_pieces(chunks: list[bytes], lines: list[str]) -> None:
    assert list(whole_lines(chunks)) == lines


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (PermissionError(13, "Permission denied"), "no permission on the Docker socket"),
        (FileNotFoundError(2, "No such file or directory"), "the Docker daemon does not answer"),
        (ConnectionRefusedError(111, "Connection refused"), "the Docker daemon does not answer"),
    ],
)
def test_a_daemon_out_of_reach_is_explained(error: OSError, what: str) -> None:
    text = f"Error while fetching server API version: ('Connection aborted.', {error!r})"
    assert explanation(DockerException(text)).problems[0].what == what
