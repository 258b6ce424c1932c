"""Editing by hand: again until it validates, and nothing lost on the way."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError, Problem
from launcher.workflow.edit import Change, change, edit_by_hand

BEFORE = "[a]\nMODEL=a.gguf\n"


@dataclass
class File:
    """models.conf in memory; `intruder` is what somebody else writes before the second read."""

    text: str = BEFORE
    intruder: str | None = None
    reads: int = 0
    path: Path = Path("models.conf")

    def read(self) -> str:
        self.reads += 1
        if self.intruder is not None and self.reads == 2:
            self.text = self.intruder
        return self.text

    def write(self, text: str) -> None:
        self.text = text


@dataclass
class Draft:
    text: str
    path: Path = Path("draft.conf")
    removed: bool = False

    def read(self) -> str:
        return self.text

    def remove(self) -> None:
        self.removed = True


@dataclass
class Desk:
    """An editor that writes one text after the other, and the user who is asked."""

    texts: Iterator[str]
    answers: Iterator[bool]
    file: File = field(default_factory=File)
    draft: Draft = field(default_factory=lambda: Draft(""))
    lines: list[int] = field(default_factory=list)

    def start(self, text: str) -> Draft:
        self.draft.text = text
        return self.draft

    def edit(self, path: Path, line: int) -> None:
        assert path == self.draft.path
        self.lines.append(line)
        self.draft.text = next(self.texts)

    def again(self, problems: Sequence[Problem]) -> bool:
        return next(self.answers)

    def run(self) -> Change:
        return edit_by_hand(
            self.file,
            4,
            start=self.start,
            editor=self.edit,
            check=check,
            again=self.again,
            lock=lock(),
        )


def lock() -> AbstractContextManager[None]:
    return nullcontext()


def check(text: str) -> list[Problem]:
    return [Problem(what="bad", line=9)] if "bad" in text else []


def desk(*texts: str, answers: Sequence[bool] = ()) -> Desk:
    return Desk(iter(texts), iter(answers))


def test_a_bad_text_is_edited_again_at_the_line_of_its_first_problem() -> None:
    world = desk("bad", "good", answers=[True])
    assert world.run() == Change(before=BEFORE, after="good")
    assert world.lines == [4, 9]
    assert (world.file.text, world.draft.removed) == ("good", True)


def test_a_discarded_text_leaves_the_file_alone_and_stays_in_the_draft() -> None:
    world = desk("bad", answers=[False])
    with pytest.raises(LauncherError, match=r"was not kept\nyour text is in draft\.conf"):
        world.run()
    assert (world.file.text, world.draft.text, world.draft.removed) == (BEFORE, "bad", False)


def test_a_file_that_changed_meanwhile_is_not_overwritten() -> None:
    world = desk("good")
    world.file.intruder = "theirs"
    with pytest.raises(LauncherError, match=r"in the meantime[\s\S]*draft\.conf"):
        world.run()
    assert (world.file.text, world.draft.removed) == ("theirs", False)


def test_an_editor_that_fails_before_anything_was_typed_leaves_no_draft() -> None:
    world = desk()

    def broken(path: Path, line: int) -> None:
        raise LauncherError(Problem(what="no editor"))

    with pytest.raises(LauncherError) as caught:
        edit_by_hand(
            world.file,
            1,
            start=world.start,
            editor=broken,
            check=check,
            again=world.again,
            lock=lock(),
        )
    assert str(caught.value) == "no editor"
    assert world.draft.removed


def test_a_command_does_not_overwrite_a_file_that_changed_meanwhile() -> None:
    file = File(intruder="theirs")
    with pytest.raises(LauncherError, match="in the meantime"):
        change(file, lambda text: text + "FIT=on\n", check=check, lock=lock(), name="models.conf")
    assert file.text == "theirs"


def test_a_change_knows_its_diff() -> None:
    diff = Change(before="a\n", after="b\n").diff("models.conf")
    assert diff == ("--- a/models.conf", "+++ b/models.conf", "@@ -1 +1 @@", "-a", "+b")
