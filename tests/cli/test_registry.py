"""`launcher list` and `launcher show`."""

import json
from pathlib import Path

import pytest

from launcher import cli

CONF = """[*]
FIT=on
[small]
DESCRIPTION=A small one
MODEL=small.gguf
CTX_SIZE=4096
SAMPLER=cool
[grown]
EXTENDS=small
CTX_SIZE={{ 8192 * machine.gpus|length }}
[old]
MODEL=old.gguf
STATUS=retired
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a models.conf, which is the current folder."""
    (tmp_path / "models.conf").write_text(CONF, encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/samplers.yml").write_text("cool: {temp: 0.1}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_list_shows_active_profiles_and_all_of_them_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list"]) == 0
    listed = capsys.readouterr().out
    assert "small" in listed
    assert "A small one" in listed
    assert "old" not in listed
    assert cli.run(["list", "--all"]) == 0
    assert "(retired)" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "launcher.list/1"
    assert [profile["name"] for profile in answer["profiles"]] == ["small", "grown"]


@pytest.mark.usefixtures("project")
def test_show_tells_where_every_value_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", "grown", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["settings"] == [
        {"key": "FIT", "value": "on", "from": "defaults", "line": 2},
        {"key": "MODEL", "value": "small.gguf", "from": "parent small", "line": 5},
        {"key": "SAMPLER", "value": "cool", "from": "parent small", "line": 7},
        {"key": "EXTENDS", "value": "small", "from": "profile", "line": 9},
        {"key": "--temp", "value": "0.1", "from": "sampler cool", "line": None},
        {"key": "CTX_SIZE", "value": "{{ 8192 * machine.gpus|length }}", "from": "profile", "line": 10},
    ]
    assert answer["environment"] == {"LLAMA_ARG_FIT": "on"}
    assert answer["command"] == ["--temp", "0.1"]


@pytest.mark.usefixtures("project")
def test_show_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", "small"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["CTX_SIZE", "4096", "profile", "6"] in rows


def test_a_wrong_file_is_told_whole_and_exits_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.conf").write_text("[a]\nMODEL=a.gguf\nCTX=1\nFIT=maybe\n", encoding="utf-8")
    (project / "profiles/samplers.yml").write_text("hot: {tmp: 2}\n", encoding="utf-8")
    assert cli.run(["list"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert [line for line in streams.err.splitlines() if line.startswith("error")] == [
        "error: profiles/samplers.yml [hot]: --tmp: llama-server has no such option",
        "error: models.conf:3 [a] CTX: unknown key",
        "error: models.conf:4 [a] FIT: expected one of on, off, got 'maybe'",
    ]


@pytest.mark.usefixtures("project")
def test_the_shell_completes_names_of_profiles_and_keys() -> None:
    from click.shell_completion import BashComplete

    from launcher.cli.options import Globals

    complete = BashComplete(cli.launcher, {"obj": Globals()}, "launcher", "_LAUNCHER_COMPLETE")
    found = complete.get_completions(["show"], "o")
    assert [item.value for item in found] == ["old"]
    keys = complete.get_completions(["set", "old"], "CTX_")
    assert [item.value for item in keys] == ["CTX_SIZE=", "CTX_CHECKPOINTS="]


def test_show_fills_in_the_templates_for_a_machine(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "box.yml").write_text(
        "name: box\nhost: {memory: 64GiB}\ngpus: [{name: A, total: 8GiB, free: 8GiB, role: compute}]\n",
        encoding="utf-8",
    )
    assert cli.run(["show", "grown", "--machine", "box.yml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["environment"]["LLAMA_ARG_CTX_SIZE"] == "8192"
