"""The rule about models beside the profile's own: it needs the machine, but no placement."""

from collections.abc import Iterator

from launcher.core.companions import PROJECTOR_COMPUTE
from launcher.core.findings import Finding
from launcher.core.machine import Machine
from launcher.core.subject import Subject
from launcher.core.units import mib_up
from launcher.core.verdict import crowded_out

CODE = "L017"
TITLE = "Count what is loaded beside the model"


def companion_findings(subject: Subject, machine: Machine) -> Iterator[Finding]:
    """What the projector and the draft model take, where there are any."""
    taken = subject.claims(machine)
    if not any(taken):
        return
    amounts = ", ".join(
        f"{mib_up(amount):,} MiB on CUDA{index}" for index, amount in enumerate(taken) if amount
    )
    assumed = f"; {mib_up(PROJECTOR_COMPUTE):,} MiB of it assumed for the projector's compute buffers"
    yield Finding(
        code=CODE,
        level="error" if crowded_out(taken, subject.seen(machine)) else "info",
        message=f"models beside the profile's own take {amounts}, and leave as much less free"
        + (assumed if subject.companions.projector is not None else ""),
        key="MMPROJ" if subject.companions.projector is not None else "SPEC_DRAFT_MODEL",
    )
