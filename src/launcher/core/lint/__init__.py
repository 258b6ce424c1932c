"""Rules paid for by somebody's lost evening; the numbers are those of lessons_learned.md."""

from itertools import chain

from launcher.core.findings import Finding
from launcher.core.lint import differences
from launcher.core.lint.assertions import assertions
from launcher.core.lint.case import Case, Rule, SubjectRule
from launcher.core.lint.companion_rule import CODE, TITLE, companion_findings
from launcher.core.lint.memory_rules import MEMORY_RULES
from launcher.core.lint.model_rules import MODEL_RULES, SUBJECT_RULES
from launcher.core.lint.setting_rules import SETTING_RULES
from launcher.core.subject import Subject

__all__ = [
    "ASSERTIONS",
    "OTHERS",
    "RULES",
    "Case",
    "Rule",
    "SubjectRule",
    "companion_findings",
    "lint",
    "lint_subject",
]

PLACED_RULES = (*MODEL_RULES, *SETTING_RULES, *MEMORY_RULES)
TITLES: list[tuple[str, str]] = [
    *((rule.code, rule.title) for rule in SUBJECT_RULES),
    *((rule.code, rule.title) for rule in PLACED_RULES),
    (CODE, TITLE),
]
RULES = dict(sorted(TITLES))
"""Title of each rule by its number."""

OTHERS = {differences.CODE: differences.TITLE, differences.NO_ANSWER: differences.ANSWERS}
"""Title of what is neither a rule nor an assertion."""

ASSERTIONS = {
    "A001": "PLACEMENT accepts the verdict",
    "A002": "The context is at least MIN_CTX",
    "A003": "No more than MAX_HOST_WEIGHTS in host memory",
}
"""Title of each assertion that a profile can make."""


def lint_subject(subject: Subject) -> tuple[Finding, ...]:
    """Findings that need no machine."""
    return tuple(chain.from_iterable(rule.check(subject) for rule in SUBJECT_RULES))


def lint(case: Case) -> tuple[Finding, ...]:
    """All findings on a placed profile, errors first, then by number."""
    found = chain(
        lint_subject(case.subject),
        chain.from_iterable(rule.check(case) for rule in PLACED_RULES),
        assertions(case),
    )
    severity = ("error", "warning", "info")
    return tuple(sorted(found, key=lambda finding: (severity.index(finding.level), finding.code)))
