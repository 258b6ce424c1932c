"""Annotations for GitHub Actions: one workflow command per finding."""

from collections.abc import Iterator

from launcher.core.checking import CheckResult
from launcher.core.findings import Finding, Level

COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "info": "notice"}


def annotations(result: CheckResult) -> str:
    """One line per finding, ``::error file=models.conf,line=41,title=...::message``."""
    return "\n".join(_lines(result))


def _lines(result: CheckResult) -> Iterator[str]:
    for problem in result.errors:
        yield _command("error", result.conf, problem.line, "configuration", str(problem))
    for checked, finding, line in result.located():
        plan = checked.plan
        title = f"{finding.code} {plan.profile} on {plan.machine}"
        yield _command(_level(result, finding), result.conf, line, title, _message(finding))


def _level(result: CheckResult, finding: Finding) -> Level:
    """An unknown that is allowed is no error."""
    return "warning" if finding.level == "error" and not result.is_failure(finding) else finding.level


def _message(finding: Finding) -> str:
    return finding.message if finding.hint is None else f"{finding.message}\n{finding.hint}"


def _command(level: Level, path: str, line: int | None, title: str, message: str) -> str:
    place = {"file": path, **({} if line is None else {"line": str(line)}), "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in place.items())
    return f"::{COMMANDS[level]} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
