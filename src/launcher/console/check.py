"""The result of `launcher check`, for people and for tools."""

from collections.abc import Callable

from launcher.console import Console, table
from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import UsageError
from launcher.core.findings import Finding

STYLES = {
    "fits": "green",
    "fits-with-offload": "green",
    "fits-with-less-context": "green",
    "does-not-fit": "red",
    "unknown": "yellow",
    "error": "red",
    "warning": "yellow",
    "info": "",
}


def show_check(console: Console, result: CheckResult) -> None:
    """A row per plan, then the findings, then the count; configuration errors go to stderr."""
    if result.errors:
        console.problems(UsageError(*result.errors))
    if result.checked:
        _show_plans(console, result)
    for checked, finding, line in result.located():
        _show_finding(console, result.conf, checked, finding, line)
    console.data(_summary(result))


def show_report(console: Console, result: CheckResult, build: Callable[[CheckResult], str]) -> None:
    """A report for another tool, as `build` makes it."""
    text = build(result)
    if text:
        console.data(text)


def show_check_json(console: Console, result: CheckResult) -> None:
    """The contract ``launcher.check/1``."""
    from launcher.core.reports.objects import check_json

    console.json(check_json(result))


def _show_plans(console: Console, result: CheckResult) -> None:
    from rich.text import Text

    rows = table("", "profile", "machine", "verdict", "reason")
    for each in result.checked:
        plan = each.plan
        mark = Text("FAIL", style="red") if result.fails(plan) else Text("ok", style="green")
        rows.add_row(mark, plan.profile, plan.machine, Text(plan.verdict, STYLES[plan.verdict]), plan.reason)
    console.show(rows)


def _show_finding(console: Console, conf: str, checked: Checked, finding: Finding, line: int | None) -> None:
    from rich.text import Text

    plan = checked.plan
    place = conf if line is None else f"{conf}:{line}"
    text = Text(f"{place} ")
    text.append(f"{finding.level} {finding.code}", STYLES[finding.level])
    text.append(f" {plan.profile} on {plan.machine}: {finding.message}")
    if finding.hint:
        text.append(f"\n  hint: {finding.hint}")
    console.show(text)


def _summary(result: CheckResult) -> str:
    failed = sum(result.fails(each.plan) for each in result.checked)
    errors = f", {len(result.errors)} configuration errors" if result.errors else ""
    return f"{len(result.checked)} plans, {failed} failed{errors}"
