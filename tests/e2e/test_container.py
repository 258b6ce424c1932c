"""What is rendered, in a real container of a real engine."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.stage import Stage
from launcher.core.errors import LauncherError
from launcher.core.machine import Gpu
from launcher.edges.server import LlamaServer

pytestmark = pytest.mark.e2e

NASTY = (
    " a space before and after ",
    "$HOME ${HOME} $$HOME $(id)",
    "# not a comment # at all",
    'it\'s "quoted" `twice`',
    "back\\slash \\n \\\\ \\$ ends in \\",
    '{"enable_thinking": false, "note": "it\'s $5 \\"net\\""}',
    "Grüße, 日本語, 🦙, \u2028 and \u0085",
    "two\nlines\tand a tab\r\n",
    "--not-a-flag",
    "",
)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def resolved(stage: Stage) -> dict[str, Any]:
    """The server as Compose resolves it; Compose writes ``$`` as ``$$`` there."""
    server: dict[str, Any] = json.loads(stage.compose("config", "--format", "json").replace("$$", "$"))[
        "services"
    ]["server"]
    return server


def test_plain_docker_compose_starts_what_was_rendered(stage: Stage) -> None:
    rendered = stage.render(stage.profile)
    stage.compose("up", "--detach")
    stage.until_healthy(rendered)
    props = stage.server.props(rendered.url)
    assert (props.model_path, props.alias, props.n_ctx) == ("/models/smollm2.gguf", "small", 1024)
    assert stage.server.models(rendered.url) == ("small",)
    assert stage.server.ask(rendered.url, "Say hello.", max_tokens=4).answer_tokens == 4
    stage.until(lambda: stage.container()["State"]["Health"]["Status"] == "healthy", "Docker says healthy")
    instance = stage.runtime.instance()
    assert instance is not None
    assert (instance.profile, instance.plan_hash, instance.state, instance.url) == (
        *("small", rendered.plan_hash, "healthy"),
        rendered.url,
    )


def test_every_nasty_value_arrives_in_the_container(stage: Stage) -> None:
    variables = {f"LAUNCHER_TEST_{index}": value for index, value in enumerate(NASTY)}
    profile = replace(stage.profile, environment=variables, command=("--no-such-flag", *NASTY))
    rendered = stage.render(profile)
    stage.runtime.start(rendered)
    config = stage.container()["Config"]
    passed = dict(pair.split("=", 1) for pair in config["Env"])
    assert passed | dict(rendered.environment) == passed
    others = passed.keys() - rendered.environment.keys()
    assert all(name.startswith(("COMPOSE_", "LAUNCHER_")) for name in others)
    assert tuple(config["Cmd"]) == rendered.command


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=10, max_size=40))
def test_compose_resolves_every_value_to_what_was_meant(stage: Stage, values: list[str]) -> None:
    variables = {f"LLAMA_ARG_{index}": value for index, value in enumerate(values)}
    rendered = stage.render(replace(stage.profile, environment=variables, command=tuple(values)))
    server = resolved(stage)
    # $$ in a value itself reads as $ here, on both sides
    meant = {name: value.replace("$$", "$") for name, value in rendered.environment.items()}
    assert {name: value for name, value in server["environment"].items() if name in meant} == meant
    assert server["command"] == [value.replace("$$", "$") for value in values]


def test_the_users_own_variables_do_not_go_before_the_profiles(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    stage.render(stage.profile)
    environment = resolved(stage)["environment"]
    assert environment["LLAMA_ARG_CTX_SIZE"] == "1024"
    assert "CUDA_VISIBLE_DEVICES" not in environment


def test_gpus_are_reserved_in_the_order_of_the_plan(stage: Stage) -> None:
    gpus = [Gpu(name="card", total=1, free=1, uuid=uuid) for uuid in ("GPU-b", "GPU-a")]
    stage.render(stage.profile, gpus=gpus)
    server = resolved(stage)
    assert server["image"] == "ghcr.io/ggml-org/llama.cpp:server-cuda"
    assert server["deploy"]["resources"]["reservations"]["devices"] == [
        {"capabilities": ["gpu"], "driver": "nvidia", "device_ids": ["GPU-b", "GPU-a"]}
    ]
    assert server["environment"]["CUDA_VISIBLE_DEVICES"] == "GPU-b,GPU-a"


def test_a_machine_without_the_gpu_says_so(stage: Stage) -> None:
    profile = replace(stage.profile, image="ghcr.io/ggml-org/llama.cpp:server")
    rendered = stage.render(profile, gpus=[Gpu(name="card", total=1, free=1, uuid="GPU-1")])
    with pytest.raises(LauncherError, match="Docker has no NVIDIA runtime"):
        stage.runtime.start(rendered)


def test_the_container_is_hardened(stage: Stage) -> None:
    rendered = stage.render(stage.profile)
    stage.runtime.start(rendered)
    container = stage.container()
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Tmpfs"] == {"/tmp": ""}
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "20m"}
    assert host["PortBindings"]["8080/tcp"] == [
        {"HostIp": "127.0.0.1", "HostPort": str(stage.profile.host_port)}
    ]
    assert [(mount["Destination"], mount["RW"]) for mount in container["Mounts"]] == [("/models", False)]
    assert container["Config"]["User"] == stage.site.user


def test_only_who_has_the_key_is_answered_and_nobody_sees_it(stage: Stage) -> None:
    key = stage.root / "key"
    key.write_text("sk-very-secret\n", encoding="utf-8")
    key.chmod(0o600)
    rendered = stage.render(replace(stage.profile, api_key_file="./key"))
    stage.runtime.start(rendered)
    stage.until_healthy(rendered)
    with pytest.raises(LauncherError, match="wants an API key"):
        stage.server.ask(rendered.url, "Hello?", max_tokens=1)
    assert LlamaServer(key).ask(rendered.url, "Hello?", max_tokens=1).answer_tokens == 1
    everything = json.dumps(stage.container()) + "".join(rendered.files.values())
    assert "sk-very-secret" not in everything + "\n".join(stage.runtime.logs())


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user: only as root")
def test_the_server_reads_what_only_its_user_may_read(stage: Stage, models: Path) -> None:
    folder = stage.root / "private"
    key = stage.root / "key"
    shutil.copytree(models, folder)
    key.write_text("sk-1\n", encoding="utf-8")
    for path, mode in ((folder, 0o700), (folder / "smollm2.gguf", 0o600), (key, 0o600)):
        path.chmod(mode)
        os.chown(path, 4242, 4242)
    site = replace(stage.site, models_dir=str(folder), user="4242:4242")
    rendered = stage.render(replace(stage.profile, api_key_file="./key"), site=site)
    stage.runtime.start(rendered)
    stage.until_healthy(rendered)


def test_a_server_that_dies_is_seen_at_once(stage: Stage) -> None:
    rendered = stage.render(replace(stage.profile, model="absent.gguf"))
    stage.runtime.start(rendered)

    def failed() -> bool:
        instance = stage.runtime.instance()
        assert instance is not None
        return instance.state == "exited" or instance.restarts > 0

    stage.until(failed, "the failure shows")
    assert any("/models/absent.gguf" in line for line in stage.runtime.logs())


def test_a_crash_loop_ends(stage: Stage) -> None:
    stage.runtime.start(stage.render(replace(stage.profile, model="absent.gguf")))
    stage.until(lambda: stage.container()["State"]["Status"] == "exited", "it stays down")
    instance = stage.runtime.instance()
    assert instance is not None
    assert (instance.state, instance.exit_code, instance.restarts) == ("exited", 1, 2)


def test_stop_leaves_nothing_and_may_be_repeated(stage: Stage) -> None:
    stage.runtime.start(stage.render(stage.profile))
    (stage.root / ".env").unlink()
    stage.runtime.stop()
    stage.runtime.stop()
    assert stage.runtime.instance() is None
    assert list(stage.runtime.logs()) == []


def test_a_log_is_followed_to_its_end(stage: Stage) -> None:
    stage.runtime.start(stage.render(replace(stage.profile, command=("--no-such-flag",))))
    assert "error: invalid argument: --no-such-flag" in list(stage.runtime.logs(follow=True))
    assert len(list(stage.runtime.logs(tail=1))) == 1


def test_a_missing_models_folder_is_not_created(stage: Stage) -> None:
    gone = stage.root / "no models"
    rendered = stage.render(stage.profile, site=replace(stage.site, models_dir=str(gone)))
    with pytest.raises(LauncherError, match="there is no folder"):
        stage.runtime.start(rendered)
    assert not gone.exists()
