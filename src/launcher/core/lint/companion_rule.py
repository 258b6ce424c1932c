"""The rule about models beside the profile's own: it needs the machine, but no placement."""

from collections.abc import Iterator

from launcher.core.companions import PROJECTOR_COMPUTE
from launcher.core.findings import Finding
from launcher.core.ledger import Source
from launcher.core.machine import Machine
from launcher.core.subject import Subject
from launcher.core.units import mib_up
from launcher.core.verdict import crowded_out

CODE = "L017"
TITLE = "Count what is loaded beside the model"
TAKEN = "and leave as much less free"
ADDED = "as estimated: the engine's dry run leaves them out, so that they are added to its figures"
ASSUMED = f"; {mib_up(PROJECTOR_COMPUTE):,} MiB of it assumed for the projector's compute buffers"


def companion_findings(subject: Subject, machine: Machine, source: Source) -> Iterator[Finding]:
    """What the projector and the draft model take, where there are any.

    source: of the ledger. The engine's dry run leaves them out, so that they are added to it.
    """
    by_engine = source == "engine"
    taken = subject.claims(machine)
    amounts = [(f"CUDA{index}", amount) for index, amount in enumerate(taken)]
    if by_engine:
        amounts.append(("Host", subject.burdens(machine)[-1].total))
    words = ", ".join(f"{mib_up(amount):,} MiB on {name}" for name, amount in amounts if amount)
    if not words:
        return
    how = ADDED if by_engine else TAKEN
    yield Finding(
        code=CODE,
        level="error" if crowded_out(taken, subject.seen(machine)) else "info",
        message=f"models beside the profile's own take {words}, {how}"
        + (ASSUMED if subject.companions.projector is not None else ""),
        key="MMPROJ" if subject.companions.projector is not None else "SPEC_DRAFT_MODEL",
    )
