"""The result of `launcher check`, for people and for tools."""

from collections.abc import Callable

from launcher.console import Console, table
from launcher.core.checking import CheckResult
from launcher.core.errors import UsageError
from launcher.core.findings import Finding

STYLES = {
    "fits": "green",
    "fits-with-offload": "green",
    "fits-with-less-context": "green",
    "does-not-fit": "red",
    "unknown": "yellow",
}


def show_check(console: Console, result: CheckResult) -> None:
    """A row per plan, the errors and warnings, the count; configuration errors go to stderr."""
    if result.errors:
        console.problems(UsageError(*result.errors))
    if result.checked:
        _show_plans(console, result)
    _show_findings(console, result)
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


def _show_findings(console: Console, result: CheckResult) -> None:
    """Errors and warnings; what is said of one profile on several machines is said once."""
    machines: dict[tuple[str, Finding], list[str]] = {}
    lines: dict[tuple[str, Finding], int | None] = {}
    for checked, finding, line in result.located():
        if finding.level != "info":
            machines.setdefault((checked.plan.profile, finding), []).append(checked.plan.machine)
            lines[checked.plan.profile, finding] = line
    for (profile, finding), names in machines.items():
        line = lines[profile, finding]
        place = result.conf if line is None else f"{result.conf}:{line}"
        about = f"[{profile}] on {', '.join(names)}"
        console.data(f"{place} {about}: {finding.level} {finding.code}: {finding.message}")
        if finding.hint:
            console.data(f"  hint: {finding.hint}")


def _summary(result: CheckResult) -> str:
    failed = sum(result.fails(each.plan) for each in result.checked)
    errors = f", {len(result.errors)} configuration errors" if result.errors else ""
    return f"{len(result.checked)} plans, {failed} failed{errors}"
