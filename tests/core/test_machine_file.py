"""Machine files: every problem at once, and text that reads back as the same machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.errors import UsageError
from launcher.core.headroom import fit_target, fit_target_value
from launcher.core.machine import Gpu, Headroom, Machine
from launcher.core.machine_file import GPU_KEYS, parse_machine
from launcher.core.machine_text import machine_text
from launcher.core.units import GIB, MIB
from machines import machines

DESK = Path(__file__).parents[2] / "profiles" / "machines" / "desk.yml"


def gpu(**changes: Any) -> dict[str, Any]:
    return {"name": "RTX 3060", "total": "11910MiB", "free": "11600MiB"} | changes


def problems(content: object) -> list[str]:
    with pytest.raises(UsageError) as raised:
        parse_machine(content, "m.yml")
    return [f"{problem.where}: {problem.what}" for problem in raised.value.problems]


def problem_of(**changes: Any) -> str:
    (found,) = problems({"name": "m", "gpus": [gpu(**changes)]})
    return found


def test_the_reference_machine() -> None:
    desk = parse_machine(yaml.safe_load(DESK.read_text()), "desk.yml")
    assert desk == Machine(
        name="desk",
        host_memory=64 * GIB,
        gpus=(
            Gpu(
                name="NVIDIA GeForce RTX 4090",
                total=24080 * MIB,
                free=23600 * MIB,
                role="compute",
                compute_capability="8.9",
                multiprocessors=128,
                bandwidth=1_008_000_000_000,
            ),
            Gpu(
                name="NVIDIA GeForce RTX 5070 Ti",
                total=15900 * MIB,
                free=12500 * MIB,
                role="display",
                compute_capability="12.0",
                multiprocessors=70,
                bandwidth=896_000_000_000,
            ),
        ),
        headroom=Headroom(compute=128 * MIB, display=1024 * MIB),
    )
    assert fit_target_value(desk) == "128,1024"
    assert [target.reason for target in fit_target(desk)] == ["only computes", "drives a display"]


def test_a_machine_needs_a_name_and_a_list_of_gpus_that_may_be_empty() -> None:
    assert parse_machine({"name": "cpu", "gpus": []}, "m.yml") == Machine(name="cpu", gpus=())
    assert problems({}) == ["m.yml: name: is missing", "m.yml: gpus: is missing"]


def test_all_problems_come_at_once() -> None:
    content = {
        "name": "a b",
        "host": {"memory": 64},
        "gpu": [],
        "gpus": [gpu(free="12GiB"), gpu(total="0MiB", free="0MiB", role="gaming"), "RTX"],
        "headroom": {"compute": "-1MiB"},
    }
    assert problems(content) == [
        "m.yml: gpu: unknown key",
        "m.yml: name: expected a word of letters, digits, '.', '_', '+' and '-', got 'a b'",
        "m.yml: gpus[0].free: is more than total",
        "m.yml: gpus[1].total: expected more than 0",
        "m.yml: gpus[1].role: expected one of compute, display, unknown, got 'gaming'",
        f"m.yml: gpus[2]: expected a mapping with the keys {', '.join(GPU_KEYS)}",
        "m.yml: host.memory: expected a size with a unit, such as 23600MiB or 64GiB, got 64",
        "m.yml: headroom.compute: expected a size with a unit, such as 23600MiB or 64GiB, got '-1MiB'",
    ]


def test_an_unknown_key_is_met_with_a_guess() -> None:
    with pytest.raises(UsageError) as raised:
        parse_machine({"name": "m", "gpus": [gpu(compute_capabilty="8.9", colour="red")]}, "m.yml")
    guess, list_of_keys = (problem.hint for problem in raised.value.problems)
    assert guess == "did you mean compute_capability?"
    assert list_of_keys == f"the keys are {', '.join(GPU_KEYS)}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"total": 11910}, "total: expected a size with a unit, such as 23600MiB or 64GiB, got 11910"),
        ({"compute_capability": 8.9}, 'compute_capability: expected "8.9" or the like, in quotes, got 8.9'),
        ({"pci": "01:00.0"}, "pci: expected \"0000:01:00.0\" or the like, in quotes, got '01:00.0'"),
        ({"uuid": "a,b"}, "uuid: expected \"GPU-1a2b3c4d-...\" or the like, in quotes, got 'a,b'"),
        ({"bandwidth": "1008GB"}, "bandwidth: expected a size per second, such as 1008GB/s, got '1008GB'"),
        ({"multiprocessors": True}, "multiprocessors: expected an integer from 1, got True"),
        ({"vendor": "nvidea"}, "vendor: expected one of nvidia, amd, intel, got 'nvidea'"),
        ({"name": ""}, "name: expected text, got ''"),
        ({"margin": None}, "margin: expected a size with a unit, such as 23600MiB or 64GiB, got None"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(changes: dict[str, Any], expected: str) -> None:
    assert problem_of(**changes) == f"m.yml: gpus[0].{expected}"


def test_a_host_can_not_have_more_free_than_there_is() -> None:
    content = {"name": "m", "gpus": [], "host": {"memory": "8GiB", "free": "9GiB"}}
    assert problems(content) == ["m.yml: host.free: is more than memory"]


def test_two_gpus_are_never_the_same_one() -> None:
    twins = [gpu(uuid="GPU-1", pci="0000:01:00.0"), gpu(uuid="GPU-1", pci="0000:01:00.0")]
    assert problems({"name": "m", "gpus": twins}) == [
        "m.yml: gpus[1].uuid: is that of gpus[0], too: GPU-1",
        "m.yml: gpus[1].pci: is that of gpus[0], too: 0000:01:00.0",
    ]


def test_a_margin_of_its_own_goes_before_the_role() -> None:
    found = parse_machine({"name": "m", "gpus": [gpu(role="compute", margin="300MiB")]}, "m.yml")
    (target,) = fit_target(found)
    assert (target.mib, target.reason) == (300, "set for this GPU in the machine file")


def test_a_gpu_of_unknown_role_gets_the_margin_of_a_display() -> None:
    found = parse_machine({"name": "m", "gpus": [gpu()]}, "m.yml")
    assert fit_target_value(found) == "1024"


@given(machines())
def test_the_text_reads_back_as_the_same_machine(machine: Machine) -> None:
    assert parse_machine(yaml.safe_load(machine_text(machine)), "m.yml") == machine


@given(st.integers(1, 2**40), st.integers(0, 2**40))
def test_text_never_promises_more_than_there_is(total: int, margin: int) -> None:
    gpu = Gpu(name="g", total=total + MIB, free=total, margin=margin)
    read = parse_machine(yaml.safe_load(machine_text(Machine(name="m", gpus=(gpu,)))), "m.yml").gpus[0]
    assert total - MIB < read.free <= total
    assert margin <= (read.margin or 0) < margin + MIB


def test_identities_survive_that_yaml_would_take_for_numbers() -> None:
    card = Gpu(name="1e3", total=MIB, free=0, uuid="123", pci="0000:01:00.0", compute_capability="12.0")
    machine = Machine(name="no", gpus=(card, replace(card, uuid="GPU-1", pci="0000:02:00.0")))
    assert parse_machine(yaml.safe_load(machine_text(machine)), "m.yml") == machine


def test_the_text_of_a_machine() -> None:
    desk = parse_machine(yaml.safe_load(DESK.read_text()), "desk.yml")
    comment, _, rest = DESK.read_text().partition("\n")
    assert comment.startswith("# ")
    assert machine_text(desk) == rest


@pytest.mark.parametrize("content", [None, [], "desk", 3])
def test_what_is_no_mapping_is_one_problem(content: object) -> None:
    assert problems(content) == ["m.yml: expected a mapping with the keys name, host, gpus, headroom"]
