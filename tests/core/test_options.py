"""The table of llama-server's options, and how its values are read."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core import llama_options
from launcher.core.machine import Machine
from launcher.core.options import BY_KEY, OPTIONS, arguments, find
from launcher.core.profiles import parse, parse_samplers
from launcher.edges.files import load_yaml, read_text
from parts import CACHE

PROJECT = Path(__file__).parents[2]
BUILD = "11160"


@pytest.fixture
def server() -> Path:
    """The real llama-server of `make engine`."""
    return next(CACHE.glob(f"engine/llama-{BUILD}.*/llama-server"))


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PROJECT / "scripts"))
    yield
    sys.modules.pop("llama_options", None)


@pytest.mark.engine
@pytest.mark.usefixtures("generator")
def test_the_table_is_what_the_real_server_says(server: Path) -> None:
    from llama_options import generate

    assert Path(llama_options.__file__).read_text(encoding="utf-8") == generate(server, BUILD)


@pytest.mark.engine
@pytest.mark.usefixtures("generator")
def test_what_passes_here_passes_there(server: Path) -> None:
    """Whatever we take as a value, the real server takes; of an enum, it refuses what we refuse."""
    from llama_options import Server

    values = ["on", "1", "0", "-1", "-2", "0.5", "auto", "q8_0", "1,2", "x"]
    real = Server(server)
    for option in OPTIONS:
        if option.arity != 1 or option.kind in ("string", "removed", "json"):
            continue
        taken = [value for value in values if option.expected(value) is None]
        for value in taken:
            assert real.takes(option.name, value), f"{option.name} {value}: we take it, the server does not"
        if option.kind == "enum":
            for value in set(values) - set(taken):
                assert not real.takes(option.name, value), f"{option.name} {value}: the server takes it"


@pytest.mark.engine
def test_the_real_server_takes_every_shipped_profile(server: Path) -> None:
    samplers, _ = parse_samplers(load_yaml(PROJECT / "profiles/samplers.yml"), "samplers.yml")
    registry = parse(read_text(PROJECT / "models.conf"), "models.conf")
    for name in registry.names(include_retired=True):
        profile = registry.resolve(name, samplers=samplers, machine=Machine(name="desk", gpus=()))
        done = subprocess.run(
            [server, *profile.command, "--version"],
            env={**os.environ, **profile.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_flags_are_found_by_every_spelling() -> None:
    names = {option.name for option in map(find, ["-c", "--ctx-size", "--ctx_size"]) if option}
    assert names == {"--ctx-size"}
    assert find("--no-kv-offload") is find("-kvo") is BY_KEY["KV_OFFLOAD"]
    assert find("--none-such") is None


def test_no_flag_and_no_variable_belongs_to_two_options() -> None:
    flags = [flag for option in OPTIONS for flag in option.flags + option.off]
    keys = [option.key for option in OPTIONS if option.key]
    assert len(flags) == len(set(flags))
    assert len(keys) == len(set(keys))


def test_a_command_line_is_grouped_by_flag() -> None:
    words = ["--jinja", "-c", "-1", "--control-vector-layer-range", "1", "2", "--unknown", "a", "-0.5", "-v"]
    assert [argument.words for argument in arguments(words)] == [
        ("--jinja",),
        ("-c", "-1"),
        ("--control-vector-layer-range", "1", "2"),
        ("--unknown", "a", "-0.5"),
        ("-v",),
    ]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("CTX_SIZE", ["0", "4096", "-1"], ["4k", "", "1.0", "99999999999", "\u0664"]),
        ("N_GPU_LAYERS", ["99", "auto", "all"], ["none", "auto "]),
        ("TENSOR_SPLIT", ["3,1", "0.5"], ["3;1", "3,"]),
        ("FIT_TARGET", ["128,1024", "128"], ["128,x"]),
        ("CACHE_TYPE_K", ["q8_0"], ["Q8_0", "q8"]),
        ("FLASH_ATTN", ["on", "auto", "1"], ["yes"]),
        ("KV_OFFLOAD", ["on", "false", "0"], ["no", ""]),
        ("REPEAT_PENALTY", ["0.5"], ["0", "-1"]),
        ("N_PARALLEL", ["1", "-1"], ["0"]),
        ("TEMPERATURE", ["1", "0.7", "-1.5", "1e-3", ".5"], ["warm", "1,5"]),
        ("SPEC_TYPE", ["draft-mtp", "draft-mtp,ngram-mod"], ["mtp"]),
        ("CHAT_TEMPLATE_KWARGS", ['{"a": 1}'], ["{a: 1}"]),
    ],
)
def test_values(key: str, good: list[str], bad: list[str]) -> None:
    option = BY_KEY[key]
    assert [value for value in good if option.expected(value)] == []
    assert [value for value in bad if option.expected(value) is None] == []
