"""`launcher doctor` where Docker is, while a server of the launcher runs, and after."""

import json

import pytest

from e2e.stage import Stage

pytestmark = pytest.mark.e2e


def found(stage: Stage) -> dict[str, tuple[str, str]]:
    """What doctor says, by the name of the check."""
    done = stage.launcher("doctor", "--json", "--models-dir", stage.site.models_dir)
    return {check["name"]: (check["level"], check["what"]) for check in json.loads(done.stdout)["checks"]}


def test_doctor_sees_docker_and_the_launchers_own_server(stage: Stage) -> None:
    port = stage.profile.host_port
    conf = f"[small]\nMODEL={stage.profile.model}\nHOST_PORT={port}\n"
    (stage.root / "models.conf").write_text(conf, encoding="utf-8")
    rendered = stage.render(stage.profile)
    stage.compose("up", "--detach")
    stage.until_healthy(rendered)
    running = found(stage)
    assert {running[name][0] for name in ("Docker engine", "Docker Compose", "image")} == {"ok"}
    assert running[f"port {port}"] == ("ok", "the launcher's own server has it: small")
    assert running["image"][1] == "ghcr.io/ggml-org/llama.cpp:server is here"
    (stage.root / "models.conf").write_text(f"{conf}IMAGE=not/there:1\n", encoding="utf-8")
    assert found(stage)["image"][1].startswith("not/there:1 is downloaded at the first start")
    stage.compose("stop")
    assert found(stage)[f"port {port}"] == ("ok", "free on 127.0.0.1")
