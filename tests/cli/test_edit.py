"""The commands that change models.conf, as a user calls them."""

import json
import shutil
import stat
import sys
from pathlib import Path

import pytest

from launcher import cli

HEADERS = Path(__file__).parents[2] / "profiles" / "headers"
CONF = """# the whole file

[*]
FIT=on

# about a
[a]
MODEL=a.gguf
CTX_SIZE=1

# about b
[b]
EXTENDS=a
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """models.conf in the current folder."""
    path = tmp_path / "models.conf"
    path.write_text(CONF, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return path


def editor(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make $EDITOR a program of these Python lines; `path` is the file that it opens."""
    script = folder / "my editor.py"
    head = f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n"
    script.write_text(head + body, encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"'{script}'")


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (["set", "a", "CTX_SIZE=2", "BATCH=3"], "CTX_SIZE=1\n", "CTX_SIZE=2\nBATCH=3\n"),
        (["set", "*", "FIT=off"], "FIT=on", "FIT=off"),
        (["set", "b", "DESCRIPTION=x = 'y' # z"], "EXTENDS=a\n", "EXTENDS=a\nDESCRIPTION=x = 'y' # z\n"),
        (["unset", "a", "CTX_SIZE"], "CTX_SIZE=1\n", ""),
        (["copy", "b", "c"], "EXTENDS=a\n", "EXTENDS=a\n\n[c]\nEXTENDS=a\n"),
        (["rename", "b", "c"], "[b]", "[c]"),
        (["retire", "b"], "EXTENDS=a\n", "EXTENDS=a\nSTATUS=retired\n"),
        (["activate", "b"], "", ""),
        (["remove", "b"], "[b]\nEXTENDS=a\n", ""),
    ],
)
def test_a_command_changes_just_what_it_says(conf: Path, words: list[str], old: str, new: str) -> None:
    assert cli.run(words) == 0
    assert conf.read_text(encoding="utf-8") == CONF.replace(old, new)


def test_activate_undoes_retire(conf: Path) -> None:
    assert cli.run(["retire", "a"]) == 0
    assert cli.run(["activate", "a"]) == 0
    assert conf.read_text(encoding="utf-8") == CONF


def test_rename_follows_the_profiles_that_extend_it(conf: Path) -> None:
    assert cli.run(["rename", "a", "z"]) == 0
    assert "[b]\nEXTENDS=z\n" in conf.read_text(encoding="utf-8")


@pytest.mark.usefixtures("conf")
def test_the_diff_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["set", "a", "CTX_SIZE=2"]) == 0
    assert capsys.readouterr().out == (
        "--- a/models.conf\n+++ b/models.conf\n@@ -6,7 +6,7 @@\n # about a\n [a]\n MODEL=a.gguf\n"
        "-CTX_SIZE=1\n+CTX_SIZE=2\n \n # about b\n [b]\n"
    )


@pytest.mark.usefixtures("conf")
def test_the_diff_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["set", "a", "CTX_SIZE=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "launcher.change/1", "path": "models.conf", "changed": False, "diff": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["set", "a", "CTX_SIZE=many"], "error: models.conf:9 [a] CTX_SIZE: expected an integer, got 'many'"),
        (["set", "a", "CTX=1"], "error: models.conf:10 [a] CTX: unknown key"),
        (["set", "a", "CTX_SIZE"], "error: expected KEY=VALUE, got 'CTX_SIZE'"),
        (["set", "x", "CTX_SIZE=1"], "error: no profile 'x'"),
        (["set", "a", "MODEL=../a.gguf"], "error: models.conf:8 [a] MODEL: expected a path below the models"),
        (["unset", "a", "MODEL"], "error: models.conf:7 [a]: has no MODEL"),
        (["unset", "a", "BATCH"], "error: [a] BATCH: is not set in this section"),
        (["copy", "a", "b"], "error: there is a profile 'b' already"),
        (["copy", "a", "a b"], "error: 'a b' cannot be the name of a profile"),
        (["rename", "*", "c"], "error: no profile '*'"),
        (["remove", "a"], "error: [a]: is extended by b"),
        (["remove", "*"], "error: no profile '*'"),
        (["retire", "*"], "error: models.conf:5 [*] STATUS: belongs to one profile"),
    ],
)
def test_what_would_not_validate_is_refused_and_the_file_left_alone(
    conf: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words) == 2
    assert capsys.readouterr().err.startswith(message)
    assert conf.read_text(encoding="utf-8") == CONF


def test_a_file_with_a_broken_grammar_is_not_touched(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf.write_text(CONF + "[a]\n", encoding="utf-8")
    assert cli.run(["set", "b", "BATCH=1"]) == 2
    assert "a second section of this name" in capsys.readouterr().err
    assert conf.read_text(encoding="utf-8") == CONF + "[a]\n"


def test_a_wrong_value_can_be_mended_by_set(conf: Path) -> None:
    conf.write_text(CONF.replace("CTX_SIZE=1", "CTX_SIZE=x"), encoding="utf-8")
    assert cli.run(["set", "a", "CTX_SIZE=1"]) == 0
    assert conf.read_text(encoding="utf-8") == CONF


def test_permissions_and_a_symbolic_link_are_kept(conf: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    conf.rename(real)
    real.chmod(0o640)
    conf.symlink_to(real)
    assert cli.run(["set", "a", "CTX_SIZE=2"]) == 0
    assert conf.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "CTX_SIZE=2" in real.read_text(encoding="utf-8")


MACHINE = """name: desk
host: {memory: 64GiB}
gpus: [{name: RTX 4090, total: 24080MiB, free: 23600MiB, role: compute}]
"""


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("MACHINES=desk, dsk", "no machine 'dsk' under profiles/machines/"),
        ("CTX_SIZE={{ machine.gpu }}", "has no attribute 'gpu'"),
    ],
)
def test_a_change_is_tried_on_the_saved_machines(
    conf: Path, setting: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    machines = conf.parent / "profiles/machines"
    machines.mkdir(parents=True)
    (machines / "desk.yml").write_text(MACHINE, encoding="utf-8")
    (machines / "broken.yml").write_text("gpus: 3", encoding="utf-8")
    assert cli.run(["set", "a", setting]) == 2
    assert message in capsys.readouterr().err
    assert cli.run(["set", "a", "CTX_SIZE={{ 4096 * machine.gpus|length }}", "MACHINES=desk"]) == 0


# edit


def test_edit_keeps_a_text_that_validates(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(conf.parent, "path.write_text(path.read_text().replace('CTX_SIZE=1', 'CTX_SIZE=7'))", monkeypatch)
    assert cli.run(["edit"]) == 0
    assert conf.read_text(encoding="utf-8") == CONF.replace("CTX_SIZE=1", "CTX_SIZE=7")
    assert list(conf.parent.glob(".launcher/models.*.conf")) == []


def test_edit_refuses_and_keeps_the_users_text(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(conf.parent, "path.write_text(path.read_text().replace('CTX_SIZE=1', 'CTX_SIZE=x'))", monkeypatch)
    assert cli.run(["edit", "a"]) == 1
    assert conf.read_text(encoding="utf-8") == CONF
    (draft,) = conf.parent.glob(".launcher/models.*.conf")
    assert draft.read_text(encoding="utf-8") == CONF.replace("CTX_SIZE=1", "CTX_SIZE=x")
    told = capsys.readouterr().err
    assert "models.conf:9 [a] CTX_SIZE: expected an integer, got 'x'" in told
    assert f"your text is in {draft}" in told


def test_edit_that_changes_nothing_leaves_nothing_behind(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(conf.parent, "", monkeypatch)
    assert cli.run(["edit"]) == 0
    assert "nothing to change" in capsys.readouterr().err
    assert list(conf.parent.glob(".launcher/models.*.conf")) == []


def test_edit_does_not_overwrite_what_somebody_else_changed_meanwhile(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = CONF + "# theirs\n"
    body = f"path.write_text(path.read_text() + '# mine\\n')\nPath({str(conf)!r}).write_text({theirs!r})"
    editor(conf.parent, body, monkeypatch)
    assert cli.run(["edit"]) == 1
    assert conf.read_text(encoding="utf-8") == theirs
    (draft,) = conf.parent.glob(".launcher/models.*.conf")
    assert draft.read_text(encoding="utf-8") == CONF + "# mine\n"
    assert "was changed by something else in the meantime" in capsys.readouterr().err


def test_an_editor_that_fails_is_told(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(conf.parent, "sys.exit(3)", monkeypatch)
    assert cli.run(["edit"]) == 1
    assert "ended with code 3" in capsys.readouterr().err
    assert conf.read_text(encoding="utf-8") == CONF


def test_an_editor_that_is_not_there_is_told(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISUAL", str(conf.parent / "none"))
    assert cli.run(["edit"]) == 1
    assert "cannot be started" in capsys.readouterr().err


# add


@pytest.mark.parametrize("given", ["Qwen/Qwen3.5-35B-A3B-Q6_K.gguf", "models/Qwen/Qwen3.5-35B-A3B-Q6_K.gguf"])
def test_add_starts_a_profile_from_what_the_header_says(conf: Path, given: str) -> None:
    model = conf.parent / "models/Qwen/Qwen3.5-35B-A3B-Q6_K.gguf"
    model.parent.mkdir(parents=True)
    shutil.copy(HEADERS / model.name, model)
    assert cli.run(["add", given]) == 0
    assert conf.read_text(encoding="utf-8") == CONF + (
        "\n[qwen3.5-35b-a3b-q6_k]\nNAME=Qwen3.5-35B-A3B\nMODEL=Qwen/Qwen3.5-35B-A3B-Q6_K.gguf\n"
        "CTX_SIZE=262144\nCONTEXT_SHIFT=off\n"
    )


def test_add_under_another_name(conf: Path) -> None:
    model = conf.parent / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    model.parent.mkdir()
    shutil.copy(HEADERS / model.name, model)
    assert cli.run(["add", str(model), "--name", "small"]) == 0
    assert "\n[small]\nNAME=" in conf.read_text(encoding="utf-8")


def test_add_refuses_a_file_outside_the_models_folder(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (conf.parent / "x.gguf").write_bytes(b"")
    assert cli.run(["add", "x.gguf"]) == 2
    assert "is not below the models folder" in capsys.readouterr().err
    assert conf.read_text(encoding="utf-8") == CONF


def test_add_of_a_file_that_is_not_there(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["add", "none.gguf"]) == 1
    assert "neither the file nor a snapshot of it" in capsys.readouterr().err
    assert conf.read_text(encoding="utf-8") == CONF
