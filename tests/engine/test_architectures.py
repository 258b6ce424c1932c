"""The figures that the estimate is held to are those of the real engine."""

import pytest

from architectures import CONDITIONS, RECIPES, made_up, recorded
from launcher.core.machine import Gpu, Machine
from launcher.core.units import MIB
from launcher.edges.engine import DirectEngine
from launcher.workflow.engine import ask_engine
from oracle_cases import figures_of

pytestmark = pytest.mark.engine

GPU = Gpu(name="GPU", total=24000 * MIB, free=23600 * MIB, compute_capability="8.9", role="compute")
RECORDED = recorded()


@pytest.mark.parametrize("name", RECIPES)
def test_the_engine_says_so_still(engine: DirectEngine, name: str) -> None:
    header = made_up(name)
    for condition, (devices, splits) in zip(CONDITIONS, RECORDED[name], strict=True):
        machine = Machine(name="many", gpus=(GPU,) * condition.gpus)
        found = ask_engine(engine, header, {}, condition.words, machine)
        figures = [figures[1:] for figures in figures_of(found.initial)]
        assert figures == [tuple(amount // MIB for amount in device) for device in devices], condition
        assert found.graph_splits == splits, condition
