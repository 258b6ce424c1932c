"""Changes of models.conf on the screen."""

from collections.abc import Callable, Sequence

from launcher.console import Console
from launcher.core.errors import Problem, UsageError
from launcher.workflow.edit import Change

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_change(console: Console, change: Change, path: str) -> None:
    """The diff, coloured on a terminal; a word on stderr when there is none."""
    from rich.text import Text

    lines = change.diff(path)
    for line in lines:
        console.show(Text(line, style=STYLES.get(line[:1], ""), overflow="ignore", no_wrap=True))
    if not lines:
        console.note(f"{path}: nothing to change")


def change_json(console: Console, change: Change, path: str) -> None:
    diff = change.diff(path)
    console.json({"schema": "launcher.change/1", "path": path, "changed": bool(diff), "diff": list(diff)})


def ask_again(console: Console) -> Callable[[Sequence[Problem]], bool]:
    """Show the problems of a draft and ask whether to edit it once more; without a terminal, no."""

    def ask(problems: Sequence[Problem]) -> bool:
        console.problems(UsageError(*problems))
        return console.interactive and console.confirm("Edit again? No discards the change.")

    return ask
