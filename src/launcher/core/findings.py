"""Findings: what a rule has to say about a profile on a machine."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation with figures, and the next step.

    code: the rule's number in lessons_learned.md (``L004``), or of a profile's own assertion
    (``A001``). key: the key of models.conf that it is about, None is the profile as a whole.
    An error fails ``launcher check``.
    """

    code: str
    level: Level
    message: str
    hint: str | None = None
    key: str | None = None
