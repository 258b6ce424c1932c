"""The check as JSON: the contract ``launcher.check/1``."""

from dataclasses import asdict
from typing import Any

from launcher.core.checking import CheckResult
from launcher.core.plan.contract import to_json

SCHEMA = "launcher.check/1"


def check_json(result: CheckResult) -> dict[str, Any]:
    """Plans as `launcher plan --json` prints them, and what is wrong with the configuration."""
    return {
        "schema": SCHEMA,
        "plans": [to_json(each.plan) for each in result.checked],
        "errors": [asdict(problem) for problem in result.errors],
    }
