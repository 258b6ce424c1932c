"""From what was seen to a machine: roles, one vendor, the owner's margins."""

from dataclasses import replace

import pytest

from launcher.core.hardware import (
    Hardware,
    HostMemory,
    ObservedGpu,
    arrange,
    machine_name,
    role,
    with_margins_of,
)
from launcher.core.machine import Gpu, Headroom, Machine, Role
from launcher.core.units import GIB, MIB
from planning import RTX_4090, RTX_5070_TI

RADEON = Gpu(name="Radeon", vendor="amd", total=24 * GIB, free=24 * GIB, role="compute", pci="0000:03:00.0")
FAST = replace(RTX_4090, uuid="GPU-fast", pci="0000:41:00.0")
SLOW = replace(RTX_5070_TI, uuid="GPU-slow", pci="0000:01:00.0")


@pytest.mark.parametrize(
    ("active", "attached", "expected"),
    [
        (True, False, "display"),
        (False, True, "display"),
        (True, None, "display"),
        (False, False, "compute"),
        (False, None, "compute"),
        (None, False, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_the_role_is_unknown_where_the_driver_does_not_tell(
    active: bool | None, attached: bool | None, expected: Role
) -> None:
    assert role(active=active, attached=attached) == expected


def test_a_container_gets_gpus_of_one_vendor_and_the_others_are_named() -> None:
    kept, left_out = arrange([ObservedGpu(gpu=gpu) for gpu in (RADEON, SLOW, FAST)])
    assert [seen.gpu for seen in kept] == [FAST, SLOW]
    assert left_out == ("Radeon: the image for NVIDIA does not drive it",)


def test_equal_gpus_are_all_kept() -> None:
    twins = [ObservedGpu(gpu=replace(FAST, uuid=uuid)) for uuid in ("GPU-a", "GPU-b")]
    assert arrange(twins) == (tuple(twins), ())


def test_a_computer_without_gpus_is_a_machine() -> None:
    seen = Hardware(host_name="box.example.org", host=HostMemory(total=8 * GIB, free=GIB))
    assert arrange([]) == ((), ())
    assert seen.machine() == Machine(name="box", gpus=(), host_memory=8 * GIB, host_free=GIB)


@pytest.mark.parametrize(
    ("host", "name"), [("box", "box"), ("my box.lan", "my-box"), ("", "this-machine"), ("-é", "this-machine")]
)
def test_the_host_names_the_machine(host: str, name: str) -> None:
    assert machine_name(host) == name


def test_what_the_owner_wrote_down_goes_with_the_gpu_and_not_with_its_place() -> None:
    seen = Machine(name="box", gpus=(replace(FAST, role="unknown"), SLOW))
    kept = Machine(
        name="box",
        gpus=(replace(SLOW, margin=2 * GIB), replace(FAST, role="compute")),
        headroom=Headroom(compute=64 * MIB),
    )
    found = with_margins_of(seen, kept)
    assert [(gpu.uuid, gpu.role, found.margin(gpu)) for gpu in found.gpus] == [
        ("GPU-fast", "compute", 64 * MIB),
        ("GPU-slow", "display", 2 * GIB),
    ]


def test_a_gpu_that_the_owner_did_not_name_is_left_as_seen() -> None:
    seen = Machine(name="box", gpus=(FAST,))
    nameless = Machine(name="box", gpus=(replace(FAST, uuid=None, pci=None, margin=GIB),))
    assert with_margins_of(seen, nameless) == seen
