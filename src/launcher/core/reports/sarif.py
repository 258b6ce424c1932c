"""SARIF 2.1.0: for GitHub code scanning and other viewers of static analysis."""

import json
from typing import Any

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import Problem
from launcher.core.findings import Finding, Level
from launcher.core.lint import ASSERTIONS, OTHERS, RULES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Level, str] = {"error": "error", "warning": "warning", "info": "note"}
CONFIGURATION = "configuration"


def sarif(result: CheckResult, version: str) -> str:
    """The result as one SARIF log with one run; `version` is the launcher's."""
    titles = {CONFIGURATION: "models.conf can be read", **ASSERTIONS, **OTHERS, **RULES}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(titles, version)},
                "results": [
                    *(_configuration(result, problem) for problem in result.errors),
                    *(_result(result, *located) for located in result.located()),
                ],
                "columnKind": "utf16CodeUnits",
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _driver(titles: dict[str, str], version: str) -> dict[str, Any]:
    rules = [{"id": code, "shortDescription": {"text": title}} for code, title in titles.items()]
    return {"name": "launcher", "version": version, "rules": rules}


def _configuration(result: CheckResult, problem: Problem) -> dict[str, Any]:
    return {
        "ruleId": CONFIGURATION,
        "level": "error",
        "message": {"text": str(problem)},
        "locations": [_location(result.conf, problem.line)],
    }


def _result(result: CheckResult, checked: Checked, finding: Finding, line: int | None) -> dict[str, Any]:
    plan = checked.plan
    text = f"{plan.profile} on {plan.machine}: {finding.message}"
    allowed = finding.level == "error" and not result.is_failure(finding)
    return {
        "ruleId": finding.code,
        "level": "note" if allowed else LEVELS[finding.level],
        "message": {"text": text if finding.hint is None else f"{text}\n{finding.hint}"},
        "locations": [_location(result.conf, line)],
        "partialFingerprints": {"profileMachineRule": f"{plan.profile}/{plan.machine}/{finding.code}"},
        "properties": {"profile": plan.profile, "machine": plan.machine, "verdict": plan.verdict},
    }


def _location(path: str, line: int | None) -> dict[str, Any]:
    region = {} if line is None else {"region": {"startLine": line}}
    return {"physicalLocation": {"artifactLocation": {"uri": path}, **region}}
