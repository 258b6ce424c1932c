"""Rendering: from a profile and a plan's choice to what a runtime is given."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from launcher.core import dotenv, overlay
from launcher.core.machine import Gpu
from launcher.core.profiles import Profile
from launcher.core.render import Site, render

SITE = Site(models_dir="/srv/models", project="desk", user="1000:1000", groups=(44,))
PROFILE = Profile(
    name="small",
    model="smol/model.gguf",
    environment={"LLAMA_ARG_CTX_SIZE": "4096"},
    command=("--temp", "1.0"),
    settings={},
)
CARD = Gpu(name="card", total=1, free=1, uuid="GPU-1")
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_the_container_gets_the_settings_and_nothing_else() -> None:
    rendered = render(PROFILE, SITE, additions={"LLAMA_ARG_FIT_TARGET": "128"})
    assert rendered.environment == {
        "LLAMA_ARG_ALIAS": "small",
        "LLAMA_ARG_CTX_SIZE": "4096",
        "LLAMA_ARG_FIT_TARGET": "128",
        "LLAMA_ARG_HOST": "0.0.0.0",
        "LLAMA_ARG_LOG_VERBOSITY": "4",
        "LLAMA_ARG_MODEL": "/models/smol/model.gguf",
        "LLAMA_ARG_PORT": "8080",
    }
    arguments = overlay.from_yaml(rendered.files["compose.launch.yml"])
    assert arguments.command == ("--temp", "1.0")


def test_the_embedded_server_gets_paths_and_ports_of_this_computer() -> None:
    profile = replace(PROFILE, runtime="embedded", host_port=9000, mmproj="smol/eyes.gguf")
    rendered = render(profile, SITE, gpus=(CARD,))
    assert rendered.files == {}
    assert rendered.image is None
    assert rendered.environment["LLAMA_ARG_MODEL"] == "/srv/models/smol/model.gguf"
    assert rendered.environment["LLAMA_ARG_MMPROJ"] == "/srv/models/smol/eyes.gguf"
    assert rendered.environment["LLAMA_ARG_HOST"] == "127.0.0.1"
    assert rendered.environment["LLAMA_ARG_PORT"] == "9000"
    assert all(name.startswith("LLAMA_ARG_") for name in rendered.environment)


def test_a_model_that_the_server_downloads_has_no_path() -> None:
    assert "LLAMA_ARG_MODEL" not in render(replace(PROFILE, model=None), SITE).environment


def test_what_the_server_downloads_has_a_folder_of_its_own() -> None:
    profile = replace(PROFILE, model=None, environment={"LLAMA_ARG_HF_REPO": "a/b"})
    rendered = render(profile, SITE)
    assert rendered.environment["LLAMA_CACHE"] == "/downloads"
    assert overlay.from_yaml(rendered.files["compose.launch.yml"]).downloads == "/srv/models/downloads"
    assert "LLAMA_CACHE" not in render(replace(profile, runtime="embedded"), SITE).environment
    assert overlay.from_yaml(render(PROFILE, SITE).files["compose.launch.yml"]).downloads is None


def test_compose_learns_where_everything_is() -> None:
    rendered = render(replace(PROFILE, host_port=9000), SITE)
    written = dotenv.parse(rendered.files[".env"])
    assert {name: value for name, value in written.items() if not name.startswith("LLAMA_ARG_")} == {
        "COMPOSE_FILE": "docker-compose.yml:compose.launch.yml",
        "COMPOSE_PROJECT_NAME": "desk",
        "LAUNCHER_PROFILE": "small",
        "LAUNCHER_PLAN": rendered.plan_hash,
        "LAUNCHER_IMAGE": "ghcr.io/ggml-org/llama.cpp:server",
        "LAUNCHER_URL": "http://127.0.0.1:9000",
        "LAUNCHER_HOST_BIND": "127.0.0.1",
        "LAUNCHER_HOST_PORT": "9000",
        "LAUNCHER_MODELS_DIR": "/srv/models",
        "LAUNCHER_USER": "1000:1000",
    }


def test_a_profile_chooses_its_own_image() -> None:
    rendered = render(replace(PROFILE, image="my/llama:1"), SITE, gpus=(CARD,))
    assert dotenv.parse(rendered.files[".env"])["LAUNCHER_IMAGE"] == "my/llama:1"
    assert overlay.from_yaml(rendered.files["compose.launch.yml"]).nvidia == ("GPU-1",)


def test_only_the_path_of_an_api_key_is_rendered() -> None:
    rendered = render(replace(PROFILE, api_key_file="./secret.txt"), SITE)
    assert rendered.environment["LLAMA_ARG_API_KEY_FILE"] == "/run/secrets/api_key"
    assert overlay.from_yaml(rendered.files["compose.launch.yml"]).api_key_file == "./secret.txt"


def test_groups_are_added_only_where_device_nodes_need_them() -> None:
    amd = Gpu(name="card", total=1, free=1, vendor="amd")
    with_nodes = render(PROFILE, SITE, gpus=(amd,))
    without = render(PROFILE, SITE, gpus=(CARD,))
    assert overlay.from_yaml(with_nodes.files["compose.launch.yml"]).groups == ("44",)
    assert overlay.from_yaml(without.files["compose.launch.yml"]).groups == ()


def test_the_url_is_one_that_this_computer_reaches() -> None:
    binds = ("127.0.0.1", "0.0.0.0", "192.168.1.2", "::", "::1")
    assert [render(replace(PROFILE, host_bind=bind), SITE).url for bind in binds] == [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8080",
        "http://192.168.1.2:8080",
        "http://[::1]:8080",
        "http://[::1]:8080",
    ]


def test_the_hash_changes_with_all_that_the_server_is_given() -> None:
    variants = [
        render(PROFILE, SITE),
        render(replace(PROFILE, name="other"), SITE),
        render(replace(PROFILE, runtime="embedded"), SITE),
        render(replace(PROFILE, image="my/llama:1"), SITE),
        render(replace(PROFILE, command=("--temp", "0.5")), SITE),
        render(replace(PROFILE, host_port=9000), SITE),
        render(replace(PROFILE, host_bind="0.0.0.0"), SITE),
        render(replace(PROFILE, api_key_file="key"), SITE),
        render(replace(PROFILE, memory_limit=1 << 30), SITE),
        render(PROFILE, SITE, additions={"LLAMA_ARG_FIT": "on"}),
        render(PROFILE, SITE, gpus=(CARD,)),
        render(PROFILE, replace(SITE, models_dir="/elsewhere")),
    ]
    assert len({rendered.plan_hash for rendered in variants}) == len(variants)


def test_the_hash_stays_when_only_the_order_of_settings_changes() -> None:
    one, two = {"LLAMA_ARG_A": "1", "LLAMA_ARG_B": "2"}, {"LLAMA_ARG_B": "2", "LLAMA_ARG_A": "1"}
    first = render(replace(PROFILE, environment=one), SITE)
    assert first == render(replace(PROFILE, environment=two), SITE)


@given(value=VALUES, word=VALUES)
def test_every_value_arrives(value: str, word: str) -> None:
    profile = replace(PROFILE, environment={"LLAMA_ARG_CHAT_TEMPLATE": value}, command=(word,))
    files = render(profile, SITE).files
    assert dotenv.parse(files[".env"])["LLAMA_ARG_CHAT_TEMPLATE"] == value
    assert overlay.from_yaml(files["compose.launch.yml"]).command == (word,)
