"""What setup.py compiles gives the same plans as its source."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.memory.graph import schedule

REPOSITORY = Path(__file__).parents[1]
PLANS = ("plan", "--all", "--json", "--conf", str(REPOSITORY / "models.conf"))


def launcher(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "launcher", *PLANS],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 4}, done.stderr
    return done.stdout


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="runs from its source tree, or has no compiler")
def test_the_graph_is_compiled_where_it_can_be() -> None:
    assert Path(str(schedule.__file__)).suffix == ".so"


def test_plans_do_not_depend_on_it() -> None:
    assert launcher() == launcher(PYTHONPATH=str(REPOSITORY / "src"))
