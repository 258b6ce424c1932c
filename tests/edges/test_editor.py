"""The user's editor: which one, and how it is told the line."""

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.edges.editor import position, user_editor


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("vim", ["+7", "/tmp/m.conf"]),
        ("nano", ["+7", "/tmp/m.conf"]),
        ("code", ["--wait", "--goto", "/tmp/m.conf:7"]),
        ("my-editor", ["/tmp/m.conf"]),
    ],
)
def test_the_line_is_told_as_the_editor_takes_it(editor: str, words: list[str]) -> None:
    assert list(position(editor, Path("/tmp/m.conf"), 7)) == words


def test_visual_goes_before_editor_and_may_have_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "nano")
    assert user_editor().command == ("nano",)
    monkeypatch.setenv("VISUAL", "emacsclient -t --alternate-editor 'my vi'")
    assert user_editor().command == ("emacsclient", "-t", "--alternate-editor", "my vi")


def test_without_any_editor_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherError, match="hint: set VISUAL or EDITOR"):
        user_editor()
