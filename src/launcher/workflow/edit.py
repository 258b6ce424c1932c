"""Changing models.conf: nothing is kept that would not validate, nothing that a user wrote is lost."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Protocol

from launcher.core.conf_edit import Edit
from launcher.core.errors import LauncherError, Problem, UsageError, failure
from launcher.core.profiles import parse

Check = Callable[[str], Sequence[Problem]]
Again = Callable[[Sequence[Problem]], bool]


class ConfFile(Protocol):
    """models.conf on disk; `write` replaces it whole."""

    path: Path

    def read(self) -> str: ...

    def write(self, text: str) -> None: ...


class Draft(Protocol):
    """The copy of models.conf that the editor opens."""

    path: Path

    def read(self) -> str: ...

    def remove(self) -> None: ...


class Editor(Protocol):
    def __call__(self, path: Path, line: int) -> None:
        """Open a file at a line and return when it is closed; raises LauncherError if that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The text of models.conf before and after."""

    before: str
    after: str

    def diff(self, path: str) -> tuple[str, ...]:
        """Lines of a unified diff, none where nothing changed."""
        before, after = self.before.splitlines(), self.after.splitlines()
        return tuple(unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""))


def change(
    file: ConfFile, edit: Edit, *, check: Check, lock: AbstractContextManager[None], name: str
) -> Change:
    """Apply `edit` to the file, called `name` in messages.

    Raises UsageError with every problem, and leaves the file alone, if the text can't be read
    before or would not validate after.
    """
    with lock:
        before = file.read()
        if problems := parse(before, name).problems:
            raise UsageError(*problems, Problem(what="mend this first", hint="launcher edit"))
        after = edit(before)
        if after != before:
            if found := check(after):
                raise UsageError(*found, Problem(where=name, what="left as it was"))
            _replace(file, before, after)
    return Change(before=before, after=after)


def edit_by_hand(
    file: ConfFile,
    line: int,
    *,
    start: Callable[[str], Draft],
    editor: Editor,
    check: Check,
    again: Again,
    lock: AbstractContextManager[None],
) -> Change:
    """Let the user edit a draft until it validates, then keep it.

    again: shown the problems, says whether to edit once more. Raises LauncherError when the draft is
    not kept; it then says where the user's text is.
    """
    before = file.read()
    draft = start(before)
    try:
        after = _edited(draft, before, line, editor, check, again)
        with lock:
            if after != before:
                _replace(file, before, after)
    except LauncherError as error:
        raise _with_draft(error, draft, before) from error
    draft.remove()
    return Change(before=before, after=after)


def _edited(draft: Draft, before: str, line: int, editor: Editor, check: Check, again: Again) -> str:
    while True:
        editor(draft.path, line)
        text = draft.read()
        problems = check(text) if text != before else ()
        if not problems:
            return text
        if not again(problems):
            raise failure("the change was not kept")
        line = problems[0].line or line


def _replace(file: ConfFile, before: str, after: str) -> None:
    if file.read() != before:
        raise failure(
            "was changed by something else in the meantime",
            where=str(file.path),
            hint="look at it, and run the command again",
        )
    file.write(after)


def _with_draft(error: LauncherError, draft: Draft, before: str) -> LauncherError:
    """`error` and the place of the user's text; a draft that was not touched is removed."""
    try:
        touched = draft.read() != before
    except LauncherError:
        touched = True
    if not touched:
        draft.remove()
        return error
    kept = Problem(what=f"your text is in {draft.path}", hint="delete it when it is of no more use")
    return LauncherError(*error.problems, kept)
