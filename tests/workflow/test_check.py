"""check: which plans are made, and what is wrong with one profile does not hide the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from fakes import FakeEngine
from launcher.core.dry_run import Answer, Question
from launcher.core.errors import LauncherError, Problem, UsageError, failure
from launcher.core.evidence import Evidence, measurement, settings_key
from launcher.core.header import Header
from launcher.core.images import Lock, wanted_image
from launcher.core.ledger import Ledger, Usage
from launcher.core.machine import Machine
from launcher.core.plan import Plan, plan
from launcher.core.profiles import Profile
from launcher.core.units import MIB
from launcher.workflow.check import CheckRequest, by_engine, check, measured_first
from launcher.workflow.planning import Models, Planner
from planning import GLM, RTX_4090, RTX_5070_TI, TINY, header, machine, profile
from records import record

DESK, SERVER = machine(), machine(RTX_4090, RTX_4090, name="server")


@dataclass
class Headers:
    """A store of headers in memory that counts how often it is asked."""

    files: Mapping[str, Header]
    kept: Mapping[str, Header] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find(self, model: str) -> Header:
        self.asked.append(model)
        if model not in self.files:
            raise failure("neither the file nor a snapshot of it is there", where=model)
        return self.files[model]

    def snapshot(self, model: str) -> Header | None:
        return self.kept.get(model)


def planner(*profiles: Profile, headers: Headers | None = None) -> Planner:
    by_name = {each.name: each for each in profiles}

    def resolve(name: str, machine: Machine | None) -> Profile:
        if name not in by_name:
            raise UsageError(Problem(where="models.conf", what=f"no profile {name!r}"))
        return by_name[name]

    return Planner(resolve, Models(headers or Headers({GLM: header(GLM), TINY: header(TINY)})))


def request(*names: str, machines: tuple[Machine, ...] = (DESK, SERVER)) -> CheckRequest:
    return CheckRequest(conf="models.conf", profiles=names, machines=machines, allow_unknown=False)


def test_every_profile_on_every_machine_that_it_is_meant_for() -> None:
    anywhere, here = profile(TINY, name="anywhere"), profile(TINY, name="here", machines=("server",))
    result = check(request("anywhere", "here"), planner(anywhere, here))
    assert [(each.plan.profile, each.plan.machine) for each in result.checked] == [
        ("anywhere", "desk"),
        ("anywhere", "server"),
        ("here", "server"),
    ]


def test_a_wrong_profile_does_not_hide_the_others() -> None:
    wrong = profile(TINY, name="wrong", environment={"LLAMA_ARG_CTX_SIZE": "many"})
    result = check(request("wrong", "right", "absent"), planner(wrong, profile(TINY, name="right")))
    assert [each.plan.profile for each in result.checked] == ["right", "right"]
    assert [problem.what for problem in result.errors] == [
        "expected an integer, got 'many'",
        "no profile 'absent'",
    ]
    assert result.exit_code == 2


def test_each_model_is_read_once() -> None:
    headers = Headers({GLM: header(GLM)})
    twins = [profile(GLM, name=name) for name in ("one", "two")]
    check(request("one", "two"), planner(*twins, headers=headers))
    assert headers.asked == [GLM]


def test_a_model_that_is_not_there_is_unknown() -> None:
    result = check(request("lost", machines=(DESK,)), planner(profile("lost.gguf", name="lost")))
    (checked,) = result.checked
    assert checked.plan.reason == "missing: neither the file nor a snapshot of it is there"
    assert result.exit_code == 4


def test_a_model_that_the_server_downloads_is_unknown() -> None:
    result = check(request("hub", machines=(DESK,)), planner(profile(None, name="hub")))
    assert result.checked[0].plan.verdict == "unknown"


def test_a_draft_model_that_the_server_downloads_is_unknown() -> None:
    drafting = profile(TINY, name="hub", environment={"LLAMA_ARG_SPEC_DRAFT_HF_REPO": "me/draft"})
    result = check(request("hub", machines=(DESK,)), planner(drafting))
    assert result.checked[0].plan.reason == (
        "missing: the server itself downloads what LLAMA_ARG_SPEC_DRAFT_HF_REPO names: no header here"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"file_bytes": 7}, "it was taken of 7 bytes, the file has"),
        ({"tensors": ()}, "tensors or metadata differ"),
    ],
)
def test_a_snapshot_that_no_longer_matches_is_a_warning(changes: dict[str, object], text: str) -> None:
    file = replace(header(TINY), source="file")
    kept = replace(file, source="snapshot", **changes)  # type: ignore[arg-type]
    found = check(
        request("tiny", machines=(DESK,)),
        planner(profile(TINY, name="tiny"), headers=Headers({TINY: file}, {TINY: kept})),
    )
    stale = [each for each in found.checked[0].plan.findings if each.code == "L003"]
    assert [each.level for each in stale] == ["warning"]
    assert text in stale[0].message


def test_the_headroom_of_the_profile_replaces_that_of_the_machine() -> None:
    roomy = profile(TINY, name="roomy", headroom_compute=2048 * MIB)
    result = check(request("roomy", machines=(DESK,)), planner(roomy))
    placed = result.checked[0].plan.placed
    assert placed is not None
    assert [line.margin for line in placed.gpus] == [2048 * MIB, 1024 * MIB]


def test_the_largest_context_needs_a_model() -> None:
    with pytest.raises(LauncherError, match="neither the file nor a snapshot"):
        planner(profile("lost.gguf", name="lost")).max_context("lost", DESK)


def measured_of(name: str, machine: Machine, *, more: int = 0) -> Evidence:
    """A start of `name` that needed `more` bytes of compute beyond the estimate on the first GPU."""
    about = planner(profile(name=name)).subject(name, machine)
    estimated = plan(about, machine)
    assert estimated.placed is not None
    first, *rest = estimated.placed.devices
    first = replace(first, usage=first.usage + Usage(compute=more))
    planned = replace(about.profile, environment=estimated.environment)
    return record(
        image=wanted_image(planned, machine),
        settings=settings_key(planned, estimated.model.file_bytes),
        gpus=tuple(gpu.key for gpu in machine.gpus),
        gpu_names=tuple(gpu.name for gpu in machine.gpus),
        measured=replace(estimated.placed, source="measured", devices=(first, *rest)),
    )


def checked(*records: Evidence) -> Plan:
    make = measured_first(partial(measurement, records, Lock()))
    (found,) = check(request("glm", machines=(DESK,)), planner(profile(name="glm")), make).checked
    return found.plan


def test_a_measurement_goes_before_the_estimate() -> None:
    assert checked().source == "estimate"
    found = checked(measured_of("glm", DESK, more=5 * MIB))
    assert found.source == "measured"
    assert found.placed is not None
    assert found.placed.gpus[0].usage == plan_on_desk().gpus[0].usage + Usage(compute=5 * MIB)


def plan_on_desk() -> Ledger:
    placed = checked().placed
    assert placed is not None
    return placed


def test_a_measurement_that_misses_the_margin_fails_the_check() -> None:
    assert checked(measured_of("glm", DESK, more=2048 * MIB)).verdict == "does-not-fit"


def test_the_newest_measurement_counts() -> None:
    old, new = measured_of("glm", DESK, more=9 * MIB), measured_of("glm", DESK)
    found = checked(replace(new, at=3000.0), old)
    assert found.placed is not None
    assert found.placed.gpus[0].usage == plan_on_desk().gpus[0].usage


@pytest.mark.parametrize(
    "change",
    [
        {"complete": False},
        {"settings": "other"},
        {"machine": "other"},
        {"image": "another:image"},
        {"measured": None},
    ],
)
def test_other_starts_say_nothing_of_this_one(change: Mapping[str, Any]) -> None:
    assert checked(replace(measured_of("glm", DESK), **change)).source == "estimate"


def test_a_start_whose_layers_lay_elsewhere_says_nothing_of_this_one() -> None:
    made = measured_of("glm", DESK)
    assert made.measured is not None
    first, *rest = made.measured.devices
    moved = (replace(first, layers=(first.layers or 0) - 1), *rest)
    assert checked(replace(made, measured=replace(made.measured, devices=moved))).source == "estimate"


def test_by_engine_every_plan_has_the_engines_figures() -> None:
    opened: list[tuple[str, str]] = []

    def engine_for(profile: Profile, machine: Machine) -> FakeEngine:
        opened.append((profile.name, machine.name))
        return FakeEngine()

    twins = [profile(GLM, name=name) for name in ("one", "two")]
    made = check(request("one", "two", machines=(DESK,)), planner(*twins), by_engine(engine_for))
    assert opened == [("one", "desk"), ("two", "desk")]
    for each in made.checked:
        assert each.plan.placed is not None
        assert (each.plan.source, each.plan.placed.graph_splits) == ("engine", 5)


def test_a_dry_run_that_fails_is_a_finding_of_its_plan_and_the_others_go_on() -> None:
    broken, whole = FakeEngine(fit_status=-6), FakeEngine()
    twins = [profile(GLM, name=name) for name in ("one", "two")]
    engines = by_engine(lambda profile, machine: broken if profile.name == "one" else whole)
    made = check(request("one", "two", machines=(DESK,)), planner(*twins), engines)
    one, two = (each.plan for each in made.checked)
    assert (one.source, one.verdict, one.placed) == ("engine", "unknown", None)
    assert one.reason == "the engine gave no answer"
    (finding,) = [each for each in one.findings if each.level == "error"]
    assert finding.code == "E004"
    assert finding.message.startswith("the dry run was ended by signal 6")
    assert finding.hint == "run it again: llama fit-params"
    assert (broken.files_kept, whole.files_kept) == (True, False)
    assert (two.source, two.verdict) == ("engine", "fits")
    assert made.exit_code == 1


def test_a_profile_that_does_not_fit_counts_more_than_a_dry_run_that_failed() -> None:
    small = machine(replace(RTX_4090, free=8000 * MIB), RTX_5070_TI, name="small")
    engines = by_engine(lambda profile, machine: FakeEngine(fit_status=0 if machine is small else -6))
    made = check(request("glm", machines=(small, DESK)), planner(profile(name="glm")), engines)
    assert [each.plan.verdict for each in made.checked] == ["does-not-fit", "unknown"]
    assert made.exit_code == 4


def test_an_engine_that_is_not_there_ends_the_check() -> None:
    def engine_for(profile: Profile, machine: Machine) -> FakeEngine:
        raise failure("no such program", where="--engine-bin llama")

    with pytest.raises(LauncherError) as caught:
        check(request("glm"), planner(profile(name="glm")), by_engine(engine_for))
    assert caught.value.problems[0].where == "[glm] on desk: --engine-bin llama"


def test_settings_that_make_no_sense_are_reported_before_the_engine_is_asked() -> None:
    engine = FakeEngine()
    wrong = profile(TINY, name="wrong", environment={"LLAMA_ARG_CTX_SIZE": "many"})
    made = check(request("wrong"), planner(wrong), by_engine(lambda *_: engine))
    assert (made.exit_code, made.checked, engine.asked) == (2, (), [])


@dataclass
class TwoAtOnce(FakeEngine):
    """Answers only while it is asked twice at the same time."""

    both: Barrier = field(default_factory=lambda: Barrier(2, timeout=20))

    def ask(self, question: Question, header: Header, machine: Machine) -> Answer:
        self.both.wait()
        return FakeEngine().ask(question, header, machine)


def test_several_dry_runs_go_on_at_a_time() -> None:
    engine = TwoAtOnce()
    twins = [profile(GLM, name=name) for name in ("one", "two")]
    wanted = request("one", "two", machines=(DESK,))
    made = check(wanted, planner(*twins), by_engine(lambda *_: engine), jobs=2)
    assert [(each.plan.profile, each.plan.source) for each in made.checked] == [
        ("one", "engine"),
        ("two", "engine"),
    ]
