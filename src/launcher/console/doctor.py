"""What `launcher doctor` found."""

from collections.abc import Sequence
from dataclasses import asdict

from launcher.console import Console, table
from launcher.core.doctor import Check

STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}


def show_checks(console: Console, checks: Sequence[Check]) -> None:
    """A row per check; below them, what to do."""
    from rich.text import Text

    rows = table("", "check", "found")
    for check in checks:
        rows.add_row(Text(check.level, STYLES[check.level]), check.name, check.what)
    console.show(rows)
    for check in checks:
        if check.level != "ok" and check.hint:
            console.data(f"{check.name}: {check.hint}")


def show_checks_json(console: Console, checks: Sequence[Check]) -> None:
    """Print schema ``launcher.doctor/1``."""
    console.json({"schema": "launcher.doctor/1", "checks": [asdict(check) for check in checks]})
