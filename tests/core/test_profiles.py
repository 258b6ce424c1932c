"""What a profile gets: layers, samplers, templates, the command line."""

from pathlib import Path

import pytest

from launcher.core.machine import Gpu, Machine
from launcher.core.profiles import Profile, Sampler, Setting, parse, parse_samplers, validate
from launcher.core.units import GIB, MIB
from launcher.edges.files import load_yaml, read_text

PROJECT = Path(__file__).parents[2]
SAMPLERS = {
    "glm": Sampler(name="glm", flags=(("--temp", "1.0"), ("--min-p", "0.01"))),
    "plain": Sampler(name="plain", flags=(("--ignore-eos", None),)),
}
DESK = Machine(name="desk", gpus=(Gpu(name="RTX 4090", total=24 * GIB, free=23 * GIB),), host_memory=64 * GIB)


def resolve(text: str, name: str = "a", machine: Machine | None = None) -> Profile:
    return parse(text, "models.conf").resolve(name, samplers=SAMPLERS, machine=machine)


def test_nearer_layers_win_and_every_value_knows_its_origin() -> None:
    text = """[*]
BATCH=2048
UBATCH=512
[base]
MODEL=m.gguf
BATCH=1024
CTX_SIZE=1
[middle]
EXTENDS=base
CTX_SIZE=2
[a]
EXTENDS=middle
CTX_SIZE=3
"""
    settings = resolve(text).settings
    assert settings["CTX_SIZE"] == Setting(key="CTX_SIZE", value="3", origin="profile", line=13)
    assert settings["MODEL"] == Setting(key="MODEL", value="m.gguf", origin="parent base", line=5)
    assert settings["BATCH"] == Setting(key="BATCH", value="1024", origin="parent base", line=6)
    assert settings["UBATCH"] == Setting(key="UBATCH", value="512", origin="defaults", line=3)


def test_name_description_and_status_are_not_inherited() -> None:
    text = "[b]\nNAME=B\nDESCRIPTION=d\nSTATUS=retired\nMODEL=b.gguf\n[a]\nEXTENDS=b\n"
    profile = resolve(text)
    assert (profile.title, profile.description, profile.status) == (None, None, "active")


def test_an_empty_value_drops_what_was_inherited() -> None:
    assert resolve("[*]\nFIT=on\nBATCH=1\n[a]\nMODEL=a.gguf\nFIT=\n").environment == {"LLAMA_ARG_BATCH": "1"}


def test_the_environment_holds_only_llama_servers_own_variables_that_are_set() -> None:
    text = "[a]\nMODEL=m/a.gguf\nMMPROJ=m/p.gguf\nKV_CACHE_TYPE_K=q8_0\nIMAGE=mine:1\nHOST_PORT=81\n"
    profile = resolve(text)
    assert profile.environment == {"LLAMA_ARG_CACHE_TYPE_K": "q8_0"}
    assert (profile.model, profile.mmproj, profile.image, profile.host_port) == (
        "m/a.gguf", "m/p.gguf", "mine:1", 81,
    )  # fmt: skip


def test_a_bare_flag_that_is_off_is_absent_because_the_server_reads_only_on() -> None:
    assert resolve("[a]\nMODEL=a.gguf\nSWA_FULL=off\nCPU_MOE=on\n").environment == {"LLAMA_ARG_CPU_MOE": "on"}


def test_launcher_keys_become_values() -> None:
    text = (
        "[a]\nMODEL=a.gguf\nMACHINES=desk, box\nPLACEMENT=gpu\nRUNTIME=embedded\nMIN_CTX=5\n"
        "MAX_HOST_WEIGHTS=1GiB\nHEADROOM_COMPUTE=256MiB\nHEADROOM_DISPLAY=2GiB\nAPI_KEY_FILE=key\n"
    )
    profile = resolve(text)
    assert profile.machines == ("desk", "box")
    assert (profile.placement, profile.runtime, profile.min_ctx) == ("gpu", "embedded", 5)
    assert (profile.max_host_weights, profile.headroom_compute) == (GIB, 256 * MIB)
    assert (profile.headroom_display, profile.api_key_file) == (2 * GIB, "key")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("--jinja", ("--jinja",)),
        ("--alias 'a b'  --tags c", ("--alias", "a b", "--tags", "c")),
        (r"""--alias "a \" $b #c" --jinja""", ("--alias", 'a " $b #c', "--jinja")),
        ("--alias '' --jinja", ("--alias", "", "--jinja")),
        ("--temp -1 -s -1", ("--temp", "-1", "-s", "-1")),
    ],
)
def test_extra_args_are_split_as_a_shell_would(value: str, words: tuple[str, ...]) -> None:
    assert resolve(f"[a]\nMODEL=a.gguf\nEXTRA_ARGS={value}\n").command == words


def test_with_an_image_of_ones_own_unknown_flags_pass() -> None:
    text = "[a]\nMODEL=a.gguf\nIMAGE=mine\nEXTRA_ARGS=--brand-new 3 -4 --jinja\n"
    assert resolve(text).command == ("--brand-new", "3", "-4", "--jinja")


def test_a_samplers_flags_come_before_extra_args() -> None:
    profile = resolve("[*]\nEXTRA_ARGS=--jinja\n[a]\nMODEL=a.gguf\nSAMPLER=glm\n")
    assert profile.command == ("--temp", "1.0", "--min-p", "0.01", "--jinja")
    assert profile.settings["--temp"] == Setting(key="--temp", value="1.0", origin="sampler glm")


def test_a_bare_flag_of_a_sampler_has_no_value() -> None:
    assert resolve("[a]\nMODEL=a.gguf\nSAMPLER=plain\n").command == ("--ignore-eos",)


def test_extra_args_override_a_samplers_flag() -> None:
    profile = resolve("[a]\nMODEL=a.gguf\nSAMPLER=glm\nEXTRA_ARGS=--temperature 0\n")
    assert profile.command == ("--min-p", "0.01", "--temperature", "0")


def test_a_key_beside_the_sampler_overrides_its_flag() -> None:
    profile = resolve("[a]\nMODEL=a.gguf\nSAMPLER=glm\nTEMPERATURE=0.5\n")
    assert (profile.command, profile.environment) == (("--min-p", "0.01"), {"LLAMA_ARG_TEMPERATURE": "0.5"})


def test_a_sampler_overrides_a_key_from_farther_away() -> None:
    profile = resolve("[*]\nTEMPERATURE=0.5\n[a]\nMODEL=a.gguf\nSAMPLER=glm\n")
    assert (profile.command, profile.environment) == (("--temp", "1.0", "--min-p", "0.01"), {})
    assert "TEMPERATURE" not in profile.settings


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ profile.name }}-{{ profile.BATCH }}", "a-7"),
        ("{{ machine.name }}", "desk"),
        ("{{ machine.gpus|length }} {{ machine.gpus[0].name }}", "1 RTX 4090"),
        ("{{ machine.host.memory // GiB }}", "64"),
        ("{{ sampler.name }} {{ sampler['min-p'] }}", "glm 0.01"),
        ("{% if machine.gpus[0].total >= 24 * GiB %}big{% endif %}", "big"),
    ],
)
def test_templates_see_the_profile_the_sampler_and_the_machine(template: str, value: str) -> None:
    text = f"[a]\nMODEL=a.gguf\nBATCH=7\nSAMPLER=glm\nALIAS={template}\n"
    assert resolve(text, machine=DESK).environment["LLAMA_ARG_ALIAS"] == value


def test_a_template_that_comes_out_empty_sets_nothing() -> None:
    profile = resolve("[a]\nMODEL=a.gguf\nALIAS={% if 0 %}x{% endif %}\n")
    assert "LLAMA_ARG_ALIAS" not in profile.environment


def test_retired_profiles_are_named_only_when_asked_for() -> None:
    registry = parse("[*]\nFIT=on\n[a]\nMODEL=a\n[b]\nMODEL=b\nSTATUS=retired\n", "models.conf")
    assert registry.names() == ("a",)
    assert registry.names(include_retired=True) == ("a", "b")


def test_samplers_are_read_by_flag_and_checked() -> None:
    samplers, problems = parse_samplers(
        {"x": {"temp": 1.0, "ignore-eos": True}, "y": {"tmp": 1}}, "samplers.yml"
    )
    assert samplers["x"].flags == (("--temp", "1.0"), ("--ignore-eos", None))
    assert [str(problem) for problem in problems] == [
        "samplers.yml [y]: --tmp: llama-server has no such option\n  hint: did you mean --temp?"
    ]


@pytest.mark.parametrize("document", [[1], {"x": 1}])
def test_samplers_of_another_form_are_an_error(document: object) -> None:
    _, (problem,) = parse_samplers(document, "samplers.yml")
    assert "expected a mapping" in problem.what


# the shipped models.conf


def shipped() -> tuple[dict[str, Profile], dict[str, Profile]]:
    """(active, retired) profiles of the repository's own files."""
    samplers, wrong = parse_samplers(load_yaml(PROJECT / "profiles/samplers.yml"), "profiles/samplers.yml")
    registry = parse(read_text(PROJECT / "models.conf"), "models.conf")
    assert not wrong
    assert validate(registry, samplers) == []
    profiles = {
        name: registry.resolve(name, samplers=samplers, machine=DESK)
        for name in registry.names(include_retired=True)
    }
    active = registry.names()
    return (
        {name: profile for name, profile in profiles.items() if name in active},
        {name: profile for name, profile in profiles.items() if name not in active},
    )


def test_the_shipped_profiles_are_those_of_the_table() -> None:
    active, retired = shipped()
    production = ["demo", "glm-flash-q4", "glm-flash-q8", "qwen35-35b-q6", "qwen35-122b-q4", "qwen35-27b-q6"]
    assert set(active) == {*production, *(f"{name}-bench" for name in production)}
    assert set(retired) == {"gpt-oss-120b", "qwen3-coder-next-q5", "qwen3-coder-next-q6", "qwen3-next-80b-q5"}


def test_the_shipped_profiles_leave_the_layers_to_the_fit() -> None:
    active, retired = shipped()
    for profile in [*active.values(), *retired.values()]:
        assert profile.environment["LLAMA_ARG_FIT"] == "on"
        assert not {"LLAMA_ARG_N_GPU_LAYERS", "LLAMA_ARG_TENSOR_SPLIT"} & set(profile.environment)
        assert "--jinja" in profile.command


def test_a_bench_profile_is_its_parent_with_a_short_context_and_a_small_batch() -> None:
    active, _ = shipped()
    for name in [name for name in active if name.endswith("-bench")]:
        parent = active[name.removesuffix("-bench")]
        small = {"LLAMA_ARG_CTX_SIZE": "10240", "LLAMA_ARG_BATCH": "512", "LLAMA_ARG_UBATCH": "512"}
        assert active[name].environment == {**parent.environment, **small}
        assert (active[name].model, active[name].command) == (parent.model, parent.command)


def test_the_shipped_production_settings() -> None:
    active, _ = shipped()
    glm, qwen = active["glm-flash-q8"], active["qwen35-122b-q4"]
    assert glm.environment == {
        "LLAMA_ARG_FIT": "on",
        "LLAMA_ARG_FLASH_ATTN": "on",
        "LLAMA_ARG_CACHE_TYPE_K": "q8_0",
        "LLAMA_ARG_CACHE_TYPE_V": "q8_0",
        "LLAMA_ARG_BATCH": "2048",
        "LLAMA_ARG_UBATCH": "512",
        "LLAMA_ARG_N_PARALLEL": "1",
        "LLAMA_ARG_CTX_SIZE": "131072",
    }
    assert glm.command == ("--temp", "1.0", "--top-p", "0.95", "--min-p", "0.01", "--jinja")
    assert qwen.environment["LLAMA_ARG_CTX_SIZE"] == "262144"
    assert qwen.environment["LLAMA_ARG_CONTEXT_SHIFT"] == "off"
    assert qwen.command == ("--temp", "1.0", "--top-p", "0.95", "--top-k", "20", "--min-p", "0", "--jinja")


def test_a_context_of_0_is_left_to_the_fit() -> None:
    assert resolve("[*]\nCTX_SIZE=4096\n[a]\nMODEL=a.gguf\nCTX_SIZE=0\n").environment == {}
