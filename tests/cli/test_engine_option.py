"""Which machines a command's engine simulates, and how many dry runs go on at a time."""

import os
from pathlib import Path

import pytest

from launcher.cli.engine import dry_runs_at_once, open_engines
from launcher.core.machine import Machine
from planning import machine, profile


@pytest.mark.parametrize(("simulated", "count"), [(True, os.cpu_count()), (False, 1)])
def test_dry_runs_on_real_gpus_take_turns(simulated: bool, count: int) -> None:
    assert dry_runs_at_once(simulated=simulated) == count


def test_one_binary_serves_all_profiles_but_real_gpus_are_another_matter(tmp_path: Path) -> None:
    binary = tmp_path / "llama"
    binary.touch(mode=0o755)
    here, other = machine(name="here"), Machine(name="other", gpus=())
    with open_engines(binary, here) as engine_for:
        one = engine_for(profile(name="one"), other)
        assert engine_for(profile(name="two"), machine(name="third")) is one
        assert engine_for(profile(name="one"), here) is not one


def test_each_image_has_its_engine() -> None:
    with open_engines(None, None) as engine_for:
        own = engine_for(profile(name="own", image="registry/own"), machine())
        assert engine_for(profile(name="other"), machine()) is not own
        assert engine_for(profile(name="again", image="registry/own"), machine()) is own


def test_an_embedded_profile_is_asked_of_the_image_without_a_gpu() -> None:
    with open_engines(None, None) as engine_for:
        embedded = engine_for(profile(name="embedded", runtime="embedded"), machine())
        assert engine_for(profile(name="boxed"), machine()) is not embedded
        assert engine_for(profile(name="boxed"), Machine(name="bare", gpus=())) is embedded
