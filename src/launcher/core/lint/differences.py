"""What is said of the engine's own account: where it differs from the estimate, and why there is none."""

from collections.abc import Iterator

from launcher.core.errors import LauncherError
from launcher.core.findings import Finding
from launcher.core.ledger import Ledger
from launcher.core.units import MIB

CODE = "E001"
TITLE = "The estimate and the engine agree"
NO_ANSWER, ANSWERS = "E004", "The engine answers"
TOLERATED = 64 * MIB


def compare(estimate: Ledger, engine: Ledger) -> Iterator[Finding]:
    """A finding for each device on which the two are more than 64 MiB apart."""
    told = {line.name: line.usage.total for line in engine.devices}
    for line in estimate.devices:
        apart = told.get(line.name, 0) - line.usage.total
        if abs(apart) > TOLERATED:
            more = "more" if apart > 0 else "less"
            yield Finding(
                code=CODE,
                level="info",
                message=f"the engine puts {abs(apart) // MIB:,} MiB {more} on {line.name} than the estimate",
                hint="launcher accuracy says how near the estimate usually is",
            )


def unanswered(error: LauncherError) -> Iterator[Finding]:
    """Why there is no account of the engine, with the command to run again."""
    for problem in error.problems:
        yield Finding(code=NO_ANSWER, level="error", message=problem.what, hint=problem.hint)
