"""What a rule looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from launcher.core.assessment import Assessment, assess
from launcher.core.findings import Finding
from launcher.core.fit import place
from launcher.core.ledger import Ledger
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.strategy import with_margins
from launcher.core.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A profile placed on a machine."""

    subject: Subject
    model: Model
    machine: Machine
    assessment: Assessment

    @property
    def settings(self) -> Settings:
        """As the profile gives them."""
        return self.subject.settings

    def before_fit(self, settings: Settings) -> Ledger:
        """The same model with these very settings, strategy included, before the fit changes anything."""
        placement = place(self.model, replace(settings, fit=False), self.machine)
        return with_margins(placement, self.assessment.choice.margins, settings, self.machine).initial

    def assess(self, settings: Settings) -> Assessment:
        """The same profile with other settings."""
        return assess(settings, self.model, self.machine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of lessons_learned.md. `title` is the rule in one line; `check` yields a finding for
    each breach."""

    code: str
    title: str
    check: Callable[[Case], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRule:
    """A rule that needs no machine."""

    code: str
    title: str
    check: Callable[[Subject], Iterator[Finding]]
