"""The memory table that llama.cpp logs for a load (common/fit.cpp, build 11160), in whole MiB."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from launcher.core.ledger import Usage
from launcher.core.units import MIB

HEADER = "memory breakdown [MiB]"
ROW = "|   - "
HOST = "Host"

_DEVICE = re.compile(
    r"\|   - (?P<name>\S+) \((?P<gpu>.*?)\) *\| *(?P<total>\d+) = *(?P<free>\d+) \+"
    r" \( *\d+ = *(?P<model>\d+) \+ *(?P<context>\d+) \+ *(?P<compute>\d+)\)"
)
_OTHER = re.compile(
    r"\|   - (?P<name>\S+) *\| *\d+ = *(?P<model>\d+) \+ *(?P<context>\d+) \+ *(?P<compute>\d+) "
)
_PRINTED = re.compile(r"(?P<name>\S+) (?P<model>\d+) (?P<context>\d+) (?P<compute>\d+) *")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table, in bytes. `gpu`, `total` and `free` are None for what is no device:
    ``Host``, or a kind of buffer that the table lists apart."""

    name: str
    gpu: str | None = None
    total: int | None = None
    free: int | None = None
    usage: Usage


def read_row(line: str) -> Row | None:
    """The row that `line` holds, None if it holds none."""
    if match := _DEVICE.search(line):
        return Row(
            name=match["name"],
            gpu=match["gpu"],
            total=int(match["total"]) * MIB,
            free=int(match["free"]) * MIB,
            usage=_usage(match),
        )
    if match := _OTHER.search(line):
        return Row(name=match["name"], usage=_usage(match))
    return None


def read_output_row(line: str) -> Row | None:
    """The row in a line of ``fit-params --fit-print on``: a name, and MiB of each part."""
    match = _PRINTED.fullmatch(line)
    return Row(name=match["name"], gpu=None, usage=_usage(match)) if match else None


def _usage(match: re.Match[str]) -> Usage:
    return Usage(
        model=int(match["model"]) * MIB,
        context=int(match["context"]) * MIB,
        compute=int(match["compute"]) * MIB,
    )


def format_rows(data: object) -> Iterator[str]:
    """The table's lines for the same rows in JSON; nothing for what has another form."""
    rows = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return
    yield HEADER
    for row in rows:
        parts = "{self} = {model} + {context} + {compute}"
        form = "|   - {name} ({description}) | {total} = {free} + (" + parts + ") +"
        text = form if row.get("kind") == "device" else "|   - {name} | " + parts + " "
        try:
            yield text.format(**row)
        except KeyError:
            return
