"""`launcher check --engine` of the shipped profiles, by the real engine on simulated machines."""

import json
from pathlib import Path

import pytest

from launcher import cli
from planning import HEADERS

pytestmark = pytest.mark.engine


def test_the_shipped_profiles_pass_by_the_engine(
    engine_bin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(HEADERS.parents[1])
    assert cli.run(["check", "--engine", "--engine-bin", str(engine_bin), "--json"]) == 0
    plans = json.loads(capsys.readouterr().out)["plans"]
    assert {plan["source"] for plan in plans} == {"engine"}
    assert all(plan["graph_splits"] > 0 for plan in plans)
    assert {plan["profile"]: plan["graph_splits"] for plan in plans}["glm-flash-q8"] == 5
