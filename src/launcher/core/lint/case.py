"""What a rule looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from launcher.core.assessment import Assessment, assess
from launcher.core.findings import Finding
from launcher.core.fit import Placement, place
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

    def place(self, settings: Settings) -> Placement:
        """The same model with these very settings, strategy included."""
        return with_margins(
            place(self.model, settings, self.machine), self.assessment.choice.margins, settings, self.machine
        )

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
