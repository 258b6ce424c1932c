"""One set of settings to try."""

from dataclasses import dataclass

from launcher.core.tune.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Keys to set in the profile, or to remove (None), and what that is for.

    layout: what the keys say about the placement, None where the fit decides. cost: what it gives
    up for memory, 0 for a mere placement: each halving of UBATCH is 1, another cache type 4.
    """

    changes: tuple[tuple[str, str | None], ...] = ()
    about: str
    layout: Layout | None = None
    cost: int = 0


BASE = Candidate(about="as the profile says")
UBATCH_COST, CACHE_COST = 1, 4
