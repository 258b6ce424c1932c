"""docs/terminal.svg: real commands, run on a terminal, as a picture.

python scripts/terminal_picture.py > docs/terminal.svg
"""

import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
LAUNCHER = (sys.executable, "-m", "launcher")
COMMANDS = ("plan glm-flash-q8 --machine desk", "check --machine desk")
COLUMNS = 118
WEB_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # a picture in a README fetches nothing


def on_a_terminal(command: str) -> str:
    """What `launcher command` writes to a terminal of COLUMNS columns."""
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        (*LAUNCHER, *command.split()), cwd=ROOT, env=environment, stdout=terminal, stderr=terminal
    ):
        os.close(terminal)
        return _all_of(screen).decode()


def _all_of(screen: int) -> bytes:
    """Everything until the terminal is closed, which Linux tells by an error."""
    pieces = []
    try:
        while piece := os.read(screen, 65536):
            pieces.append(piece)
    except OSError:
        pass
    return b"".join(pieces)


def main() -> None:
    console = Console(record=True, width=COLUMNS, file=StringIO())
    for command in COMMANDS:
        console.print(Text(f"$ launcher {command}", style="bold"))
        console.print(Text.from_ansi(on_a_terminal(command).replace("\r\n", "\n")))
    print(WEB_FONT.sub("", console.export_svg(title="launcher")))


if __name__ == "__main__":
    main()
