"""The rule about models beside the profile's own: it needs the machine, but no placement."""

from collections.abc import Iterator, Sequence

from launcher.core.findings import Finding
from launcher.core.ledger import Source, Usage
from launcher.core.machine import Machine
from launcher.core.memory.projector import derived
from launcher.core.subject import Subject
from launcher.core.units import mib_up

CODE = "L017"
TITLE = "Count what is loaded beside the model"
COUNTED = "and the fit counts it"
ADDED = "as estimated: the engine's dry run leaves it out, so that it is added to the figures"
ASSUMED = "; {mib:,} MiB of it assumed for the projector's compute buffers"


def companion_findings(subject: Subject, machine: Machine, source: Source) -> Iterator[Finding]:
    """What the projector and the draft model take, where there are any.

    source: of the ledger. The engine's dry run leaves them out, so that they are added to it.
    """
    by_engine = source == "engine"
    settings = subject.settings
    projector = subject.companions.projector
    if projector is not None:
        assumed = "" if derived(projector) else ASSUMED.format(mib=mib_up(settings.projector.compute))
        where = "CUDA0" if subject.seen(machine).gpus and settings.projector_offload else "Host"
        yield Finding(
            code=CODE,
            level="info",
            message=f"the projector takes {mib_up(settings.projector.total):,} MiB on {where},"
            f" {ADDED if by_engine else COUNTED}{assumed}",
            key="MMPROJ",
        )
    draft = _amounts(subject.drafted(machine))
    if draft:
        own = subject.companions.draft is None
        yield Finding(
            code=CODE,
            level="info",
            message=f"{'the MTP block and its context take' if own else 'the draft model takes'} {draft}"
            f" with the settings as given, {ADDED if by_engine else COUNTED}",
            key="SPEC_TYPE" if own else "SPEC_DRAFT_MODEL",
        )


def _amounts(usages: Sequence[Usage]) -> str:
    """Bytes by device, in words; nothing where nothing is taken."""
    names = (*(f"CUDA{index}" for index in range(len(usages) - 1)), "Host")
    pairs = zip(names, usages, strict=True)
    return ", ".join(f"{mib_up(usage.total):,} MiB on {name}" for name, usage in pairs if usage.total)
