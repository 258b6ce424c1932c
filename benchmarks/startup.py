"""CPU time of commands that people wait for without noticing: whole processes, imports included."""

import sys
from pathlib import Path

from measure import Row, cpu_seconds, table

LAUNCHER = str(Path(sys.executable).with_name("launcher"))


def rows() -> list[Row]:
    return [
        Row(
            what="`launcher --version`, CPU",
            measured=1000 * cpu_seconds([LAUNCHER, "--version"]),
            unit="ms",
            limit=80,
        ),
        Row(
            what="`launcher list`, CPU", measured=1000 * cpu_seconds([LAUNCHER, "list"]), unit="ms", limit=150
        ),
    ]


if __name__ == "__main__":
    print(table("Start of a command", rows()))
