"""Two accounts of one placement, laid side by side."""

from collections.abc import Iterator

from launcher.core.findings import Finding
from launcher.core.ledger import Ledger
from launcher.core.units import MIB

CODE = "E001"
TITLE = "The estimate and the engine agree"
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
