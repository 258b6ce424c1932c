"""One set of settings to try."""

from dataclasses import dataclass

from launcher.core.tune.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Keys to set in the profile, or to remove (None), and what that is for.

    layout: what the keys say about the placement, None where the fit decides. cost: how much of
    the profile it changes; of equals, the least is chosen.
    """

    changes: tuple[tuple[str, str | None], ...] = ()
    about: str
    layout: Layout | None = None
    cost: int = 0


BASE = Candidate(about="as the profile says")
LAYOUT_COST, UBATCH_COST, CACHE_COST = 1, 2, 3
