"""The Docker engine goes away and comes back."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import CI
from e2e.stage import Stage
from launcher.core.errors import LauncherError
from launcher.edges.compose import ComposeRuntime
from parts import CACHE, HOME

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CI, reason="restarts this machine's Docker engine: only in CI"),
]

PID = Path("/var/run/docker.pid")
SET_UP = Path(__file__).parents[2] / "scripts" / "docker.sh"


@pytest.fixture
def home_of_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The set-up script works in the developer's own home and cache."""
    monkeypatch.setenv("HOME", str(HOME))
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE.parent))


@pytest.mark.usefixtures("home_of_docker")
def test_a_server_stopped_with_its_engine_is_seen_and_started_again(stage: Stage) -> None:
    rendered = stage.render(stage.profile)
    stage.runtime.start(rendered)
    stage.until_healthy(rendered)

    os.kill(int(PID.read_text(encoding="ascii")), signal.SIGTERM)
    stage.until(lambda: not PID.exists(), "the engine stops")
    with pytest.raises(LauncherError, match="the Docker daemon does not answer"):
        ComposeRuntime(stage.root, stage.name).instance()

    subprocess.run([SET_UP], check=True, capture_output=True)
    again = ComposeRuntime(stage.root, stage.name)
    stopped = again.instance()
    assert stopped is not None
    assert (stopped.state, stopped.exit_code) == ("exited", 0)
    again.start(rendered)
    stage.until_healthy(rendered)
