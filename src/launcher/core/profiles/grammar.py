"""The grammar of models.conf: lines to sections and entries. What a key means is not known here.

A line is blank, a comment (``#`` or ``;`` first), a section ``[name]`` or ``KEY=VALUE``. A value is
the rest of its line as it stands, without the blanks around it: no quotes, no continuation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from launcher.core.errors import Problem

DEFAULTS = "*"
COMMENT_MARKS = ("#", ";")

_SECTION = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|\*")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``KEY=VALUE`` on line `line`, counted from 1."""

    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``[name]`` on line `line`, with its entries by key in their order."""

    name: str
    line: int
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What could be read of a file, and what is wrong with it."""

    path: str
    sections: Mapping[str, Section]
    problems: tuple[Problem, ...]


def problem(
    path: str,
    line: int | None,
    section: str | None,
    key: str | None,
    what: str,
    *,
    hint: str | None = None,
) -> Problem:
    """A Problem at ``path:line [section] key``, as far as these are known."""
    place = path if line is None else f"{path}:{line}"
    where = " ".join([place, *([f"[{section}]"] if section else []), *([key] if key else [])])
    return Problem(where=where, what=what, hint=hint, path=path, line=line)


def is_name(text: str) -> bool:
    """Whether a profile may have this name; configparser keeps DEFAULT for itself."""
    return text != "DEFAULT" and _NAME.fullmatch(text) is not None


@dataclass(slots=True)
class _Reader:
    path: str
    sections: dict[str, Section] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    section: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)

    def complain(self, line: int, key: str | None, what: str, hint: str | None = None) -> None:
        self.problems.append(problem(self.path, line, self.section, key, what, hint=hint))

    def read(self, number: int, line: str) -> None:
        text = line.strip()
        if not text or line.startswith(COMMENT_MARKS):
            return
        if line[0].isspace():
            self.complain(
                number,
                None,
                f"expected no blanks before {text!r}",
                "remove the blanks; a value ends with its line",
            )
        elif text.startswith("["):
            self._open(number, text)
        else:
            self._enter(number, text)

    def _open(self, number: int, text: str) -> None:
        found = _SECTION.fullmatch(text)
        name = found[1] if found else text
        self.section, self.entries = name, {}
        if not found or not is_name(name):
            self.section = None
            self.complain(
                number,
                None,
                f"expected a section such as [glm-flash-q8], got {text!r}",
                "a name has letters, digits, '.', '_' and '-', and begins with a letter or a digit",
            )
            self.section = name
        elif name in self.sections:
            first = self.sections[name].line
            self.complain(
                number, None, f"a second section of this name; the first is on line {first}", "rename one"
            )
        else:
            self.sections[name] = Section(name=name, line=number, entries=self.entries)

    def _enter(self, number: int, text: str) -> None:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not _KEY.fullmatch(key):
            self.complain(
                number,
                None,
                f"expected KEY=VALUE, got {text!r}",
                "start the line with # to make it a comment",
            )
        elif self.section is None:
            self.complain(
                number, key, "stands before the first section", f"put it below [{DEFAULTS}], for all profiles"
            )
        elif key in self.entries:
            self.complain(
                number, key, f"set twice; first on line {self.entries[key].line}", "keep one of the two"
            )
        else:
            self.entries[key] = Entry(key=key, value=value, line=number)


def read(text: str, path: str) -> Document:
    """Read models.conf; never raises: what is wrong is in `problems`."""
    reader = _Reader(path)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.read(number, line)
    return Document(path=path, sections=reader.sections, problems=tuple(reader.problems))
