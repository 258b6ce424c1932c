"""The user's editor."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import failure

FALLBACKS = ("editor", "nano", "vi")
TAKE_PLUS_LINE = frozenset({"vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "kak", "editor"})
TAKE_GOTO = frozenset({"code", "codium", "cursor"})


@dataclass(frozen=True, slots=True)
class UserEditor:
    """An editor by its command, as words."""

    command: tuple[str, ...]

    def __call__(self, path: Path, line: int) -> None:
        """Open `path` at `line` and wait; raises LauncherError when the editor fails."""
        words = [*self.command, *position(Path(self.command[0]).name, path, line)]
        try:
            code = subprocess.run(words, check=False).returncode
        except OSError as error:
            raise failure(
                f"the editor {self.command[0]} cannot be started: {error.strerror}",
                hint="set VISUAL or EDITOR to one that can",
            ) from error
        if code:
            raise failure(f"the editor {self.command[0]} ended with code {code}")


def position(editor: str, path: Path, line: int) -> Sequence[str]:
    """The words that make `editor` open `path` at `line`, where we know how it is told."""
    if editor in TAKE_PLUS_LINE:
        return (f"+{line}", str(path))
    if editor in TAKE_GOTO:
        return ("--wait", "--goto", f"{path}:{line}")
    return (str(path),)


def user_editor() -> UserEditor:
    """$VISUAL, else $EDITOR, else one that is installed; raises LauncherError without any."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    words = shlex.split(named) if named else [name for name in FALLBACKS if shutil.which(name)][:1]
    if not words:
        raise failure("no editor is known", hint="set VISUAL or EDITOR, such as EDITOR=nano")
    return UserEditor(tuple(words))
