"""Evidence as values: as JSON and back, compared, matched to machines."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.evidence import Evidence, Speed, device_use, findings, newest, settings_key, side_by_side
from launcher.core.evidence.codec import from_json, to_json
from launcher.core.machine import Gpu, Machine
from launcher.core.profiles import Profile
from launcher.core.units import MIB
from records import ledger, record

DESK = Machine(name="desk", gpus=(Gpu(name="RTX 4090", total=24 * 1024 * MIB, free=0, uuid="GPU-1"),))
PROFILE = Profile(name="glm", model="glm.gguf", environment={"LLAMA_ARG_CTX_SIZE": "4096"}, settings={})


def codes(measured: tuple[int, int, int], *, host: tuple[int, int, int] = (300, 0, 20)) -> list[str]:
    """Codes of the findings when these MiB were measured."""
    made = record(measured=ledger("measured", CUDA0=measured, Host=host))
    return [finding.code for finding in findings(made)]


@pytest.mark.parametrize(
    "kept",
    [
        record(),
        record(predicted=None, projected=None, measured=None, seconds=None, complete=False),
        record(
            speeds=(
                Speed(prompt_tokens=512, answer_tokens=64, prompt_per_second=900.5, answer_per_second=80.0),
            ),
            peak={"GPU-1": 5 * MIB},
        ),
    ],
)
def test_a_record_survives_json(kept: Evidence) -> None:
    assert from_json(json.loads(json.dumps(to_json(kept)))) == kept


def test_a_record_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="expected schema"):
        from_json({**to_json(record()), "schema": "launcher.evidence/9"})


def test_what_came_as_planned_is_no_finding() -> None:
    assert findings(record()) == ()


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((1000, 200, 138), []),  # 38 of 1,300 MiB: 2.9 %
        ((1000, 200, 140), ["E001"]),  # 3.1 %
        ((1000, 200, 60), ["E001"]),
    ],
)
def test_a_difference_above_3_percent_is_a_finding(
    measured: tuple[int, int, int], expected: list[str]
) -> None:
    assert codes(measured) == expected


@pytest.mark.parametrize(("more", "expected"), [(255, 0), (257, 1)])
def test_a_difference_above_256_mib_is_a_finding_however_large_the_device(more: int, expected: int) -> None:
    large = ledger("estimate", CUDA0=(40_000, 0, 0))
    made = record(predicted=large, measured=ledger(CUDA0=(40_000 + more, 0, 0)))
    assert len(findings(made)) == expected


def test_a_finding_names_device_amounts_and_part() -> None:
    (finding,) = findings(record(measured=ledger(CUDA0=(1000, 200, 200), Host=(300, 0, 20))))
    assert finding.message == (
        "CUDA0: 1,400 MiB measured, 100.0 MiB more than estimated (+7.7%), most of it in compute"
    )


@pytest.mark.parametrize(("compute", "level"), [(200, "warning"), (20, "info")])
def test_only_more_than_planned_is_a_warning(compute: int, level: str) -> None:
    (finding,) = findings(record(measured=ledger(CUDA0=(1000, 200, compute), Host=(300, 0, 20))))
    assert finding.level == level


def test_weights_on_the_host_beyond_the_plan_are_a_finding() -> None:
    assert codes((600, 200, 100), host=(700, 0, 20)) == ["E001", "E001", "E002"]


def test_another_number_of_graph_splits_is_a_finding() -> None:
    made = record(measured=ledger(splits=7, CUDA0=(1000, 200, 100), Host=(300, 0, 20)))
    assert [finding.message for finding in findings(made)] == ["7 graph splits measured, 5 planned"]


def test_a_start_that_was_not_whole_has_no_findings() -> None:
    assert findings(record(measured=ledger(CUDA0=(1, 0, 0)), complete=False)) == ()


def test_a_device_that_only_one_ledger_has_counts_as_nothing_in_the_other() -> None:
    made = record(measured=ledger(CUDA0=(1000, 200, 100), CUDA1=(10, 0, 0), Host=(300, 0, 20)))
    (compared,) = (each for each in side_by_side(made) if (each.device, each.part) == ("CUDA1", "model"))
    assert (compared.estimate, compared.measured, compared.difference) == (0, 10 * MIB, 10 * MIB)
    assert [each.device for each in side_by_side(made)][-1] == "Host"


def test_a_ledger_that_is_not_known_is_not_nothing() -> None:
    compared = side_by_side(record(projected=None, predicted=None))
    assert {(each.estimate, each.projected, each.difference) for each in compared} == {(None, None, None)}


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_parts_sum_to_the_total(context: int, compute: int) -> None:
    made = record(measured=ledger(CUDA0=(5, context, compute)))
    parts = {each.part: each.measured or 0 for each in side_by_side(made) if each.device == "CUDA0"}
    assert parts.pop("total") == sum(parts.values())


def test_a_record_is_of_the_machine_with_its_gpus_whatever_that_is_called() -> None:
    assert record().is_of(DESK)
    assert record(machine="workstation").is_of(DESK)
    assert record(gpus=("GPU-9",)).is_of(DESK)  # another computer's machine file of the same name
    assert not record(machine="workstation", gpus=("GPU-9",)).is_of(DESK)
    assert not record(gpus=("GPU-9",), gpu_names=("RTX 3060",)).is_of(DESK)


def test_machines_without_gpus_are_told_apart_by_name() -> None:
    made = record(machine="ci", gpus=(), gpu_names=())
    assert made.is_of(Machine(name="ci", gpus=()))
    assert not made.is_of(Machine(name="laptop", gpus=()))


def test_the_last_record_of_a_plan_is_the_newest() -> None:
    again, other = record(at=2000.0), record(plan_hash="other")
    assert newest([record(), other, again]) == (other, again)


def test_settings_are_the_same_whatever_the_port_and_differ_by_what_needs_memory() -> None:
    key = settings_key(PROFILE, 5)
    assert settings_key(replace(PROFILE, host_port=9999, name="copy"), 5) == key
    assert settings_key(PROFILE, 6) != key
    assert settings_key(replace(PROFILE, environment={"LLAMA_ARG_CTX_SIZE": "8192"}), 5) != key
    assert settings_key(replace(PROFILE, runtime="embedded"), 5) != key


def test_what_a_device_holds_now_is_what_is_free_less_than_before() -> None:
    gpu, host = device_use(record(), {"GPU-1": 23_000 * MIB}, {"GPU-1": 21_500 * MIB})
    assert (gpu.planned, gpu.measured, gpu.in_use) == (1300 * MIB, 1300 * MIB, 1500 * MIB)
    assert (host.name, host.in_use) == ("Host", None)


def test_what_a_device_holds_is_unknown_when_nobody_looked_before() -> None:
    assert [each.in_use for each in device_use(record(), {}, {"GPU-1": 1})] == [None, None]
