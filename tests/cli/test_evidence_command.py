"""`launcher evidence`."""

import json
from pathlib import Path

import pytest

from launcher import cli
from launcher.edges.evidence import EvidenceFile, read_exports
from records import ledger, record

MACHINE = """name: desk
host: {memory: 64GiB}
gpus: [{name: RTX 4090, total: 24080MiB, free: 23600MiB, role: compute, uuid: GPU-1}]
"""

GROWN = record(profile="grown", plan_hash="g", measured=ledger(CUDA0=(1000, 200, 200)))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with evidence of two profiles; `grown` needed more than planned."""
    (tmp_path / "models.conf").write_text("[glm]\nMODEL=glm.gguf\n", encoding="utf-8")
    (tmp_path / "profiles/machines").mkdir(parents=True)
    (tmp_path / "profiles/machines/desk.yml").write_text(MACHINE, encoding="utf-8")
    kept = EvidenceFile(tmp_path / ".launcher/evidence.jsonl")
    kept.append(record())
    kept.append(GROWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_evidence_lays_estimate_fit_and_measurement_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evidence", "grown"]) == 0
    shown = capsys.readouterr().out
    (row,) = (line.split() for line in shown.splitlines() if line.split()[:2] == ["CUDA0", "compute"])
    assert row == ["CUDA0", "compute", "100", "100", "200", "+100.0", "+100.0%"]
    assert "warning E001: CUDA0: 1,400 MiB measured, 100.0 MiB more than estimated" in shown
    assert "glm" not in shown


@pytest.mark.usefixtures("project")
def test_evidence_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evidence", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "launcher.evidence.list/1"
    assert [made["profile"] for made in told["records"]] == ["glm", "grown"]
    compared = {(each["device"], each["part"]): each["difference"] for each in told["records"][1]["compared"]}
    assert compared["CUDA0", "compute"] == 100 * 1024**2
    assert [finding["code"] for finding in told["records"][0]["findings"]] == []


def test_evidence_of_nothing_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models.conf").write_text("[glm]\nMODEL=glm.gguf\n", encoding="utf-8")
    assert cli.run(["--conf", str(tmp_path / "models.conf"), "evidence"]) == 0
    assert "launcher up PROFILE" in capsys.readouterr().err


def test_an_export_holds_what_a_machine_learned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evidence", "--export", "--machine", "desk"]) == 0
    assert "profiles/evidence/desk.json" in capsys.readouterr().err
    assert read_exports(project / "profiles/evidence") == (GROWN,)
