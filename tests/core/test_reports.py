"""Reports for other tools: valid in their own grammar, findings at their lines."""

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from launcher.core.checking import Checked, CheckResult
from launcher.core.errors import Problem
from launcher.core.findings import Finding
from launcher.core.plan import Plan, plan
from launcher.core.profiles import Setting
from launcher.core.reports.github import annotations
from launcher.core.reports.junit import junit
from launcher.core.reports.objects import check_json
from launcher.core.reports.sarif import sarif
from planning import machine, profile, subject

PROFILE = profile(settings={"UBATCH": Setting(key="UBATCH", value="2048", origin="profile", line=14)})
LARGE = Finding(code="L004", level="warning", message="costs 5 % <more>", hint="UBATCH=512", key="UBATCH")
LOST = Finding(code="L001", level="error", message="no header", key="MODEL")
SHORT = Finding(code="L015", level="error", message="CUDA1 needs 501 MiB\nmore", hint=None)


def checked(*findings: Finding, **fields: Any) -> Checked:
    made: Plan = replace(plan(subject(), machine()), **{"verdict": "fits", "findings": findings, **fields})
    return Checked.of(made, PROFILE)


def result(*each: Checked, errors: tuple[Problem, ...] = (), allow_unknown: bool = False) -> CheckResult:
    return CheckResult(conf="models.conf", checked=each, errors=errors, allow_unknown=allow_unknown)


BROKEN = Problem(where="models.conf:3 [x]", what="unknown key", hint="CTX_SIZE?", path="models.conf", line=3)


def test_exit_codes() -> None:
    assert result(checked(LARGE)).exit_code == 0
    assert result(checked(LARGE), checked(SHORT)).exit_code == 4
    assert result(checked(SHORT), errors=(BROKEN,)).exit_code == 2
    assert result(checked(LOST)).exit_code == 4
    assert result(checked(LOST), allow_unknown=True).exit_code == 0
    assert result(checked(LOST), checked(SHORT), allow_unknown=True).exit_code == 4


def test_a_finding_without_a_key_stands_at_its_section() -> None:
    one = checked(LARGE, SHORT, LOST)
    assert [one.line(finding) for finding in (LARGE, SHORT, LOST)] == [14, 10, 10]


def test_github_annotations_escape_what_would_end_them() -> None:
    text = annotations(result(checked(LARGE, SHORT), errors=(BROKEN,)))
    assert text.splitlines() == [
        "::error file=models.conf,line=3,title=configuration::"
        "models.conf:3 [x]: unknown key%0A  hint: CTX_SIZE?",
        "::warning file=models.conf,line=14,title=L004 sample on desk::costs 5 %25 <more>%0AUBATCH=512",
        "::error file=models.conf,line=10,title=L015 sample on desk::CUDA1 needs 501 MiB%0Amore",
    ]


def test_github_shows_an_unknown_that_is_allowed_as_a_warning() -> None:
    assert annotations(result(checked(LOST), allow_unknown=True)).startswith("::warning ")


def test_junit_has_a_suite_per_machine_and_a_case_per_profile() -> None:
    other = checked(LARGE, machine="other", profile="second")
    root = ElementTree.fromstring(junit(result(checked(SHORT, LARGE), other, errors=(BROKEN,))))
    counts = [
        (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root
    ]
    assert counts == [("configuration", "1", "0", "1"), ("desk", "1", "1", "0"), ("other", "1", "0", "0")]
    failure = root.find("./testsuite[@name='desk']/testcase[@name='sample']/failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == (
        "L015",
        "CUDA1 needs 501 MiB\nmore",
    )
    note = root.find("./testsuite[@name='other']/testcase/system-out")
    assert note is not None
    assert "costs 5 % <more> (UBATCH=512)" in (note.text or "")


def test_junit_skips_an_unknown_that_is_allowed() -> None:
    unknown = checked(LOST, verdict="unknown")
    allowed = ElementTree.fromstring(junit(result(unknown, allow_unknown=True)))
    refused = ElementTree.fromstring(junit(result(unknown)))
    assert (allowed[0].get("skipped"), allowed[0].get("failures")) == ("1", "0")
    assert (refused[0].get("skipped"), refused[0].get("failures")) == ("0", "1")


def test_junit_leaves_out_what_xml_cannot_write() -> None:
    odd = Finding(code="L015", level="error", message="a\x00b\x1bc")
    assert ElementTree.fromstring(junit(result(checked(odd)))) is not None


def test_sarif_results_name_rules_and_lines() -> None:
    log = json.loads(sarif(result(checked(LARGE, SHORT), errors=(BROKEN,)), "1.2.3"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {each["ruleId"] for each in run["results"]} <= rules
    places = [
        (
            each["ruleId"],
            each["level"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for each in run["results"]
    ]
    assert places == [
        ("configuration", "error", "models.conf", 3),
        ("L004", "warning", "models.conf", 14),
        ("L015", "error", "models.conf", 10),
    ]


def test_sarif_fingerprints_tell_profiles_and_machines_apart() -> None:
    log = json.loads(sarif(result(checked(LARGE), checked(LARGE, machine="other")), "1"))
    prints = [each["partialFingerprints"]["profileMachineRule"] for each in log["runs"][0]["results"]]
    assert prints == ["sample/desk/L004", "sample/other/L004"]


def test_json_of_a_check() -> None:
    made = check_json(result(checked(LARGE), errors=(BROKEN,)))
    assert made["schema"] == "launcher.check/1"
    assert [each["profile"] for each in made["plans"]] == ["sample"]
    assert made["errors"] == [
        {
            "where": "models.conf:3 [x]",
            "what": "unknown key",
            "hint": "CTX_SIZE?",
            "path": "models.conf",
            "line": 3,
        }
    ]
    json.dumps(made)
