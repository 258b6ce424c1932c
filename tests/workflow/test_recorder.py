"""What `up` keeps of a start, from captured logs."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fakes import FakeClock, FakeReporter, FakeRuntime, instance_of, rendered
from launcher.core.errors import failure
from launcher.core.evidence import Evidence
from launcher.core.plan import plan
from launcher.core.units import MIB
from launcher.workflow.evidence import Recorder, exportable, select
from launcher.workflow.launching import Prepared
from planning import machine, profile, subject
from records import record

DATA = Path(__file__).parents[1] / "data" / "engine"
LOG = (DATA / "server-gpu.log").read_text(encoding="utf-8")
GLM = rendered("glm")
PREPARED = Prepared(
    profile=profile(name="glm"), machine=machine(), plan=plan(subject(), machine()), rendered=GLM
)


@dataclass
class Kept:
    """An EvidenceStore in memory; `broken` makes it fail."""

    records: list[Evidence] = field(default_factory=list)
    broken: bool = False

    def read(self) -> tuple[Evidence, ...]:
        return tuple(self.records)

    def append(self, record: Evidence) -> None:
        if self.broken:
            raise failure("cannot be written: No space left on device")
        self.records.append(record)


@dataclass
class Scene:
    """A server that runs with a log, and a Recorder beside it."""

    log: str = LOG
    store: Kept = field(default_factory=Kept)
    report: FakeReporter = field(default_factory=FakeReporter)
    prepared: Prepared | None = PREPARED

    def __post_init__(self) -> None:
        self.runtime = FakeRuntime(FakeClock(), log=tuple(self.log.splitlines()), running=instance_of(GLM))
        self.recorder = Recorder(
            runtimes={"compose": self.runtime},
            prepared=lambda: self.prepared,
            machine=machine,
            digest=lambda image: f"{image}@sha256:1",
            store=self.store,
            now=lambda: 1000.0,
        )

    def record(self, seconds: float | None = 4.5) -> Evidence:
        self.recorder.record(GLM, seconds, self.report)
        return self.store.records[-1]


def test_a_start_is_kept_with_plan_fit_and_measurement() -> None:
    kept = Scene().record()
    assert kept.complete
    assert (kept.profile, kept.plan_hash, kept.machine, kept.seconds) == ("glm", GLM.plan_hash, "desk", 4.5)
    assert kept.digest == "ghcr.io/ggml-org/llama.cpp:server@sha256:1"
    assert kept.predicted == PREPARED.plan.placed
    assert kept.measured is not None
    assert kept.measured.gpus[0].usage.model == round(1000.5 * MIB)
    assert kept.projected is not None
    assert kept.projected.gpus[0].usage.model == 20053 * MIB


@pytest.mark.parametrize(("name", "build"), [("server-cpu.log", "0 (unknown)"), ("server-gpu.log", None)])
def test_the_engine_is_what_the_log_says(name: str, build: str | None) -> None:
    assert Scene(log=(DATA / name).read_text(encoding="utf-8")).record().build == build


def test_a_server_that_ended_before_it_was_whole_is_marked_incomplete() -> None:
    half = "\n".join(line for line in LOG.splitlines() if "compute buffer" not in line)
    kept = Scene(log=half).record(seconds=None)
    assert not kept.complete
    assert kept.measured is not None
    assert kept.measured.gpus[0].usage.compute == 0


def test_a_log_of_an_unknown_form_is_a_note_and_no_figures() -> None:
    scene = Scene(log="a format of tomorrow")
    kept = scene.record()
    assert (kept.measured, kept.projected, kept.build) == (None, None, None)
    assert scene.report.notes == [
        "the server's log does not say what lies where; launcher knows no other form of it"
    ]


def test_a_disk_that_is_full_is_a_note() -> None:
    scene = Scene(store=Kept(broken=True))
    scene.recorder.record(GLM, 4.5, scene.report)
    assert scene.report.notes == ["no evidence of this start: cannot be written: No space left on device"]


def gone(scene: Scene) -> None:
    scene.runtime.running = None


def replaced(scene: Scene) -> None:
    scene.runtime.running = instance_of(rendered("other"))


def unplanned(scene: Scene) -> None:
    scene.prepared = None


@pytest.mark.parametrize("change", [gone, replaced, unplanned])
def test_the_log_of_another_server_is_no_evidence(change: Callable[[Scene], None]) -> None:
    scene = Scene()
    change(scene)
    scene.recorder.record(GLM, 4.5, scene.report)
    assert scene.store.records == []


def test_a_start_without_a_plan_is_kept_beside_that_of_an_earlier_one() -> None:
    scene = Scene()
    first = scene.record()
    scene.store.records = [replace(first, at=1.0, speeds=record().speeds, peak={"GPU-1": 5}, measured=None)]
    scene.prepared = None
    assert scene.record(seconds=2.0) == replace(first, seconds=2.0)


def test_an_earlier_start_on_another_machine_says_nothing_of_this_one() -> None:
    scene = Scene(prepared=None, store=Kept([record(plan_hash=GLM.plan_hash, machine="elsewhere", gpus=())]))
    scene.recorder.record(GLM, 4.5, scene.report)
    assert len(scene.store.records) == 1


def test_the_newest_record_of_a_running_plan_is_recalled() -> None:
    scene = Scene(store=Kept([record(), record(at=2000.0), record(plan_hash="other")]))
    assert scene.recorder.recall(instance_of(rendered("glm"))) == record(at=2000.0)
    assert scene.recorder.recall(instance_of(rendered("unknown"))) is None


def test_evidence_is_selected_by_profile_and_machine() -> None:
    other = record(profile="other", machine="elsewhere", gpus=(), gpu_names=())
    assert select([record(), other], "other", None) == (other,)
    assert select([record(), other], None, replace(machine(), name="elsewhere", gpus=())) == (other,)
    assert select([record(), other], None, None) == (record(), other)


def test_an_export_has_the_newest_whole_start_of_each_settings_under_the_machines_name() -> None:
    desk = replace(machine(), gpus=(replace(machine().gpus[0], uuid="GPU-1"),))
    here = {"machine": "host-7"}
    kept = [
        record(**here),
        record(**here, at=2000.0),
        record(**here, at=3000.0, complete=False),
        record(**here, settings="other"),
        record(machine="elsewhere", gpus=("GPU-2",)),
    ]
    assert exportable(kept, desk) == (record(at=2000.0), record(settings="other"))
