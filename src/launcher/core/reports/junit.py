"""JUnit XML: a suite per machine, a case per profile."""

from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from launcher.core.checking import Checked, CheckResult
from launcher.core.findings import Finding


def junit(result: CheckResult) -> str:
    """The result as one JUnit document; configuration errors are a suite of their own."""
    suites = [*_configuration(result), *_machines(result)]
    document = _element("testsuites", {"name": "launcher check"}, *suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'


def _configuration(result: CheckResult) -> Iterator[str]:
    cases = [
        _element(
            "testcase",
            {"classname": result.conf, "name": problem.where or result.conf},
            _element("error", {"type": "configuration", "message": problem.what}, _text(str(problem))),
        )
        for problem in result.errors
    ]
    if cases:
        yield _suite("configuration", cases, errors=len(cases))


def _machines(result: CheckResult) -> Iterator[str]:
    ordered = sorted(result.checked, key=lambda each: each.plan.machine)
    for machine, group in groupby(ordered, key=lambda each: each.plan.machine):
        members = list(group)
        yield _suite(
            machine,
            [_case(result, each) for each in members],
            failures=sum(result.fails(each.plan) for each in members),
            skipped=sum(_skipped(result, each) for each in members),
        )


def _suite(name: str, cases: list[str], *, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    counts = {"tests": len(cases), "failures": failures, "errors": errors, "skipped": skipped}
    return _element("testsuite", {"name": name, **{key: str(count) for key, count in counts.items()}}, *cases)


def _skipped(result: CheckResult, each: Checked) -> bool:
    """Not known, and allowed to be."""
    return each.plan.verdict == "unknown" and not result.fails(each.plan)


def _case(result: CheckResult, each: Checked) -> str:
    plan = each.plan
    parts = [
        _element(
            "failure",
            {"type": finding.code, "message": finding.message},
            _text(f"{result.conf}:{each.line(finding) or 1} {_words(finding)}"),
        )
        for finding in plan.findings
        if result.is_failure(finding)
    ]
    if _skipped(result, each):
        parts.append(_element("skipped", {"message": plan.reason}))
    notes = (_words(finding) for finding in plan.findings if not result.is_failure(finding))
    parts.append(_element("system-out", {}, _text("\n".join((f"{plan.verdict}: {plan.reason}", *notes)))))
    return _element("testcase", {"classname": plan.machine, "name": plan.profile}, *parts)


def _words(finding: Finding) -> str:
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{finding.level} {finding.code}: {finding.message}{hint}"


def _element(tag: str, attributes: dict[str, str], *content: str) -> str:
    head = " ".join((tag, *(f"{name}={quoteattr(_printable(text))}" for name, text in attributes.items())))
    if not content:
        return f"<{head}/>"
    inside = "\n".join(content)
    return f"<{head}>\n{inside}\n</{tag}>" if inside.startswith("<") else f"<{head}>{inside}</{tag}>"


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Without the control characters that XML 1.0 has no way to write."""
    return "".join(letter if letter >= " " or letter in "\n\t" else "?" for letter in text)
