"""What a profile's owner demands: PLACEMENT, MIN_CTX, MAX_HOST_WEIGHTS."""

from collections.abc import Iterator

from launcher.core.findings import Finding
from launcher.core.lint.case import Case
from launcher.core.profiles import Placement
from launcher.core.units import mib_down, mib_up
from launcher.core.verdict import HOLDS, Verdict

ACCEPTED: dict[Placement, frozenset[Verdict]] = {
    "gpu": frozenset({"fits"}),
    "offload": frozenset({"fits", "fits-with-offload"}),
    "any": HOLDS,
}
"""Verdicts that a PLACEMENT accepts. Those that don't hold fail by themselves."""


def assertions(case: Case) -> Iterator[Finding]:
    """Findings for demands that the placement doesn't meet."""
    if case.assessment.holds:
        yield from _placement(case)
        yield from _context(case)
        yield from _host_weights(case)


def _placement(case: Case) -> Iterator[Finding]:
    found, wanted = case.assessment.judgement, case.subject.profile.placement
    if found.verdict not in ACCEPTED[wanted]:
        yield Finding(
            code="A001",
            level="error",
            message=f"PLACEMENT={wanted} does not accept {found.verdict}: {found.reason}",
            hint="change PLACEMENT, or see what launcher plan says would help",
            key="PLACEMENT",
        )


def _context(case: Case) -> Iterator[Finding]:
    wanted, n_ctx = case.subject.profile.min_ctx, case.assessment.placement.n_ctx
    if wanted is not None and n_ctx < wanted:
        yield Finding(
            code="A002",
            level="error",
            message=f"MIN_CTX={wanted}, but the context is {n_ctx:,} tokens",
            hint=f"CTX_SIZE={wanted} makes FIT keep it, and move layers instead",
            key="MIN_CTX",
        )


def _host_weights(case: Case) -> Iterator[Finding]:
    allowed, weights = (
        case.subject.profile.max_host_weights,
        case.assessment.placement.fitted.host.usage.model,
    )
    if allowed is not None and weights > allowed:
        yield Finding(
            code="A003",
            level="error",
            message=f"MAX_HOST_WEIGHTS is {mib_down(allowed):,} MiB, but {mib_up(weights):,} MiB of"
            " weights lie in host memory",
            hint="a shorter context or a smaller quantisation leaves more of them on the GPUs",
            key="MAX_HOST_WEIGHTS",
        )
