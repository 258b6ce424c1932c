"""What `tune` says on the terminal of a search that was made up."""

import pytest

from launcher.console import Console
from launcher.console.tune import show_tuning
from launcher.core.tune import Trial, Tuning
from tuning import task, trial

ALONE = task(gpus=1)


def last_line(capsys: pytest.CaptureFixture[str], *trials: Trial) -> str:
    show_tuning(Console(), "p", Tuning(trials=trials))
    return capsys.readouterr().out.splitlines()[-1]


def test_layers_that_have_to_stay_on_the_host_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    said = last_line(capsys, trial(ALONE, 500, layers=(9,), cache=900))
    assert said == (
        "with this context some layers stay on the host: the cache of all takes at least 9,900 MiB,"
        " and the GPUs have 9,872 MiB above their margins"
    )


def test_layers_that_may_stay_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    said = last_line(capsys, trial(ALONE, 500, layers=(9,), cache=800))
    assert said == "nothing that was tried is better than the profile as it is"
