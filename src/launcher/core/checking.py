"""What `launcher check` found: plans, what is wrong with the configuration, and the verdict on both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.core.errors import Problem
from launcher.core.findings import Finding
from launcher.core.lint.differences import NO_ANSWER
from launcher.core.plan import Plan
from launcher.core.profiles import Profile

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2
EXIT_DOES_NOT_FIT = 4
UNKNOWN_RULES = frozenset({"L001", "L002"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One plan. lines: line of models.conf by key, None is the profile's section."""

    plan: Plan
    lines: Mapping[str | None, int | None]

    @classmethod
    def of(cls, plan: Plan, profile: Profile) -> "Checked":
        """`plan` with the lines of its profile."""
        lines: dict[str | None, int | None] = {key: each.line for key, each in profile.settings.items()}
        return cls(plan=plan, lines={**lines, None: profile.line})

    def line(self, finding: Finding) -> int | None:
        """Where `finding` belongs in models.conf: its key, else the profile's section."""
        return self.lines.get(finding.key) or self.lines.get(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Everything that one check found. conf: models.conf as reports name it."""

    conf: str
    checked: tuple[Checked, ...]
    errors: tuple[Problem, ...]
    allow_unknown: bool = False

    @property
    def exit_code(self) -> int:
        """0 all is well, 2 the configuration is wrong, 4 a profile does not fit, 1 all that failed are
        dry runs of the engine."""
        if self.errors:
            return EXIT_CONFIGURATION
        failed = {finding.code for each in self.checked for finding in each.plan.findings
                  if self.is_failure(finding)}  # fmt: skip
        if failed == {NO_ANSWER}:
            return EXIT_FAILED
        return EXIT_DOES_NOT_FIT if failed else 0

    def fails(self, plan: Plan) -> bool:
        """An error was found that is not allowed."""
        return any(self.is_failure(finding) for finding in plan.findings)

    def is_failure(self, finding: Finding) -> bool:
        """An error; a model that is not known is none with --allow-unknown."""
        allowed = self.allow_unknown and finding.code in UNKNOWN_RULES
        return finding.level == "error" and not allowed

    def located(self) -> Iterator[tuple[Checked, Finding, int | None]]:
        """Every finding with its plan and its line in models.conf."""
        for each in self.checked:
            for finding in each.plan.findings:
                yield each, finding, each.line(finding)
