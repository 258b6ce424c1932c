"""The order of GPUs in a container: dedicated and fastest first."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.gpu_order import container_order
from launcher.core.machine import Gpu
from launcher.core.units import GIB
from machines import gpus
from planning import RTX_4090, RTX_5070_TI


def test_the_dedicated_gpu_comes_before_the_display() -> None:
    assert container_order([RTX_5070_TI, RTX_4090]) == (RTX_4090, RTX_5070_TI)


def test_a_slow_dedicated_gpu_comes_before_a_fast_display() -> None:
    display, dedicated = replace(RTX_4090, role="display"), replace(RTX_5070_TI, role="compute")
    assert container_order([display, dedicated]) == (dedicated, display)


@pytest.mark.parametrize(
    ("faster", "slower"),
    [
        ({"bandwidth": 2, "total": GIB}, {"bandwidth": 1, "total": 2 * GIB}),
        ({"compute_capability": "12.0"}, {"compute_capability": "8.9"}),
        ({"compute_capability": "8.9", "multiprocessors": 9}, {"compute_capability": "8.9"}),
        ({"total": 2 * GIB}, {"total": GIB}),
        ({"bandwidth": 1}, {"compute_capability": "12.0"}),
    ],
)
def test_the_faster_gpu_comes_first(faster: dict[str, Any], slower: dict[str, Any]) -> None:
    plain = Gpu(name="GPU", total=GIB, free=0, role="compute")
    first, second = replace(plain, **faster), replace(plain, **slower)
    assert container_order([second, first]) == (first, second)


@given(st.lists(gpus(), max_size=3))
def test_the_order_does_not_depend_on_that_of_the_bus(found: list[Gpu]) -> None:
    ranked = [
        [(gpu.role, gpu.bandwidth, gpu.total) for gpu in container_order(order)]
        for order in permutations(found)
    ]
    assert all(len(order) == len(found) for order in ranked)
    roles = [[role == "compute" for role, _, _ in order] for order in ranked]
    assert all(order == sorted(order, reverse=True) for order in roles)
    assert all(order == roles[0] for order in roles)


def test_equal_gpus_keep_their_order() -> None:
    twins = [replace(RTX_4090, uuid=uuid) for uuid in ("GPU-b", "GPU-a", "GPU-c")]
    assert [gpu.uuid for gpu in container_order(twins)] == ["GPU-b", "GPU-a", "GPU-c"]
