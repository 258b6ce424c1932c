"""Errors that a user can act on: where, what, next step."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    `where` names the place (``models.conf:41 [qwen3-32b] CTX_SIZE``), `what` says what was
    expected and what was found, `hint` is the next step. `path` and `line` repeat the place for
    tools that annotate files.
    """

    where: str | None = None
    what: str
    hint: str | None = None
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  hint: {self.hint}" if self.hint else head


class LauncherError(Exception):
    """Something failed and we know why; carries every problem found, not only the first."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class UsageError(LauncherError):
    """The command line or a configuration file is wrong."""

    exit_code: ClassVar[int] = 2


def failure(what: str, *, hint: str | None = None, where: str | None = None) -> LauncherError:
    """A LauncherError with a single problem."""
    return LauncherError(Problem(what=what, hint=hint, where=where))


def misuse(what: str, *, hint: str | None = None, where: str | None = None) -> UsageError:
    """A UsageError with a single problem."""
    return UsageError(Problem(what=what, hint=hint, where=where))
