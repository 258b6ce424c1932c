"""The only package that prints. stdout is data, stderr is everything else."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.core.errors import LauncherError

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType
    from rich.table import Table

PIPE_WIDTH = 200
FACT_GAP = 2


class Console:
    """Where a command's words go; colour only on a terminal, and never with NO_COLOR."""

    def data(self, text: str) -> None:
        """Print `text` as it is: for scripts."""
        print(text)

    def json(self, value: Mapping[str, Any]) -> None:
        print(json.dumps(value, indent=2, ensure_ascii=False))

    def show(self, renderable: "RenderableType") -> None:
        """Print a table or a styled line to stdout."""
        self._out.print(renderable)

    def styled(self, text: str, styles: Mapping[str, str]) -> None:
        """Print `text` as it is; where there is colour, what a pattern of `styles` finds gets its style."""
        if not sys.stdout.isatty():
            self.data(text)
            return
        from rich.text import Text

        shown = Text(text)
        for pattern, style in styles.items():
            shown.highlight_regex(pattern, style)
        self._out.print(shown, soft_wrap=True)

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Print names and values to stdout, under each other."""
        rows = list(pairs)
        width = max((len(name) for name, _ in rows), default=0) + FACT_GAP
        for name, value in rows:
            print(name.ljust(width) + value.replace("\n", "\n".ljust(width + 1)))

    def note(self, text: str, *, style: str | None = None) -> None:
        """Print a line to stderr; `text` is taken literally, no markup."""
        if sys.stderr.isatty():
            self._err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr)

    def problems(self, error: LauncherError) -> None:
        """Print every problem of `error`: where, what, next step."""
        for problem in error.problems:
            place = f"{problem.where}: " if problem.where else ""
            self.note(f"error: {place}{problem.what}", style="red")
            if problem.hint:
                self.note(f"  hint: {problem.hint}")

    def bug(self, log: Path) -> None:
        self.note(f"error: this is a bug in launcher; {log} says more", style="red")
        self.note("  hint: run the command again, and report it with that file if it persists")

    def confirm(self, question: str) -> bool:
        """Ask on the terminal, default yes. Ask only where `interactive` is true."""
        return self._err.input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")

    @property
    def interactive(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    @contextmanager
    def progress(self, text: str) -> Iterator["Progress"]:
        """Show what is being done: a spinner on a terminal, one line per change elsewhere."""
        if not sys.stderr.isatty():
            yield Progress(self.note, live=False)
            return
        with self._err.status(text) as status:
            yield Progress(status.update, live=True)

    @cached_property
    def _out(self) -> "RichConsole":
        return _rich(sys.stdout)

    @cached_property
    def _err(self) -> "RichConsole":
        return _rich(sys.stderr)


class Progress:
    """A line of text that is replaced as the work goes on; repeats are not printed twice."""

    def __init__(self, update: Callable[[str], None], *, live: bool) -> None:
        self._update = update
        self._live = live
        self._last = ""

    def say(self, text: str, seconds: float | None = None) -> None:
        """Show `text`, and on a terminal for how long that has been going on."""
        shown = text if seconds is None or not self._live else f"{text}, {seconds:.0f} s"
        if shown != self._last:
            self._last = shown
            self._update(shown)


def _rich(stream: Any) -> "RichConsole":
    from rich.console import Console as RichConsole

    terminal = stream.isatty()
    return RichConsole(
        file=stream,
        width=None if terminal else PIPE_WIDTH,
        no_color="NO_COLOR" in os.environ or not terminal,
        highlight=False,
        markup=False,
    )


def table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> "Table":
    """An empty table with a header; the columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=column in right)
    return made
