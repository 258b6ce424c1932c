"""What the simulated GPUs are told, and which machines can't be simulated."""

from dataclasses import replace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.machine import Gpu, Machine
from launcher.core.simulation import describe
from launcher.core.units import MIB

GPU = Gpu(name="RTX 4090", total=24080 * MIB, free=23600 * MIB, compute_capability="8.9", multiprocessors=128)


def machine(*gpus: Gpu) -> Machine:
    return Machine(name="desk", gpus=gpus)


def test_gpus_are_listed_in_order() -> None:
    other = Gpu(name="a|b;c", total=2, free=1, compute_capability="12.0")
    assert describe(machine(GPU, other)) == "RTX 4090|25249710080|24746393600|8.9|128;a b c|2|1|12.0|1"


def test_a_machine_without_gpus_is_an_empty_text() -> None:
    assert describe(machine()) == ""


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        ((replace(GPU, compute_capability=None),), "desk: GPU 0: compute_capability is unknown"),
        (
            (GPU, replace(GPU, vendor="amd")),
            "desk: GPU 1: only NVIDIA GPUs can be simulated",
        ),
        ((GPU,) * 17, "desk: 17 GPUs; at most 16 can be simulated"),
    ],
)
def test_what_cannot_be_simulated_is_an_error(gpus: tuple[Gpu, ...], message: str) -> None:
    with pytest.raises(LauncherError) as caught:
        describe(machine(*gpus))
    assert str(caught.value).startswith(message)
