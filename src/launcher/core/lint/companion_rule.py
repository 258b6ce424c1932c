"""The rule about models beside the profile's own: it needs the machine, but no placement."""

from collections.abc import Iterator, Sequence

from launcher.core.companions import PROJECTOR_COMPUTE
from launcher.core.findings import Finding
from launcher.core.ledger import Source, Usage
from launcher.core.machine import Machine
from launcher.core.subject import Subject
from launcher.core.units import mib_up
from launcher.core.verdict import crowded_out

CODE = "L017"
TITLE = "Count what is loaded beside the model"
TAKEN = "and leaves as much less free"
COUNTED = "with the settings as given; the fit counts it"
ADDED = "as estimated: the engine's dry run leaves it out, so that it is added to the figures"
ASSUMED = f"; {mib_up(PROJECTOR_COMPUTE):,} MiB of it assumed for the projector's compute buffers"


def companion_findings(subject: Subject, machine: Machine, source: Source) -> Iterator[Finding]:
    """What the projector and the draft model take, where there are any.

    source: of the ledger. The engine's dry run leaves them out, so that they are added to it.
    """
    by_engine = source == "engine"
    taken = subject.claims(machine)
    projector = _amounts(subject.burdens(machine), host=by_engine)
    if projector:
        yield Finding(
            code=CODE,
            level="error" if crowded_out(taken, subject.seen(machine)) else "info",
            message=f"the projector takes {projector}, {ADDED if by_engine else TAKEN}{ASSUMED}",
            key="MMPROJ",
        )
    draft = _amounts(subject.drafted(machine), host=True)
    if draft:
        own = subject.companions.draft is None
        yield Finding(
            code=CODE,
            level="info",
            message=f"{'the MTP block and its context take' if own else 'the draft model takes'} {draft},"
            f" {ADDED if by_engine else COUNTED}",
            key="SPEC_TYPE" if own else "SPEC_DRAFT_MODEL",
        )


def _amounts(usages: Sequence[Usage], *, host: bool) -> str:
    """Bytes by device, in words; nothing where nothing is taken."""
    names = [*(f"CUDA{index}" for index in range(len(usages) - 1)), *(["Host"] if host else [])]
    pairs = zip(names, usages, strict=False)
    return ", ".join(f"{mib_up(usage.total):,} MiB on {name}" for name, usage in pairs if usage.total)
