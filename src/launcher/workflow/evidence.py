"""Evidence: recorded by `up`, laid beside the plan by `evidence`, exported for machines elsewhere."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from launcher.core.errors import LauncherError
from launcher.core.evidence import Evidence, newest, settings_key
from launcher.core.launch import Instance
from launcher.core.logs import measured_ledger, projected_ledger, read_build
from launcher.core.machine import Machine
from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered
from launcher.workflow.launching import Prepared
from launcher.workflow.runtime import Runtime
from launcher.workflow.world import Reporter


class EvidenceStore(Protocol):
    """Records, oldest first."""

    def read(self) -> tuple[Evidence, ...]: ...

    def append(self, record: Evidence) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The Witness that reads the log of the server that was started.

    prepared: what is being started, with its plan; None when it is started as it was before. machine:
    the one that it is started on. digest: of an image by name, None for one that is not there. now:
    seconds since the epoch.
    """

    runtimes: Mapping[RuntimeName, Runtime]
    prepared: Callable[[], Prepared | None]
    machine: Callable[[], Machine]
    digest: Callable[[str], str | None]
    store: EvidenceStore
    now: Callable[[], float]

    def record(self, rendered: Rendered, seconds: float | None, report: Reporter) -> None:
        try:
            self._record(rendered, seconds, report)
        except LauncherError as error:
            report.note(f"no evidence of this start: {error}")

    def recall(self, instance: Instance) -> Evidence | None:
        return self._last(instance.plan_hash)

    def _last(self, plan_hash: str) -> Evidence | None:
        kept = (record for record in reversed(self.store.read()) if record.plan_hash == plan_hash)
        return next(kept, None)

    def _record(self, rendered: Rendered, seconds: float | None, report: Reporter) -> None:
        begun = self._begun(rendered)
        runtime = self.runtimes[rendered.runtime]
        instance = runtime.instance()
        if begun is None or instance is None or instance.plan_hash != rendered.plan_hash:
            return
        log = "\n".join(runtime.logs())
        known, machine = begun
        record = replace(
            known,
            build=read_build(log),
            digest=self.digest(rendered.image) if rendered.image else None,
            seconds=seconds,
            projected=projected_ledger(log, machine),
            measured=measured_ledger(log, machine),
            complete=seconds is not None,
        )
        if record.complete and record.measured is None:
            report.note("the server's log does not say what lies where; launcher knows no other form of it")
        self.store.append(record)

    def _begun(self, rendered: Rendered) -> tuple[Evidence, Machine] | None:
        """What is known of a start before its log, and where it is: by its plan, or by an earlier start.

        None for one of which there is neither.
        """
        prepared = self.prepared()
        if prepared is None:
            return self._again(rendered.plan_hash)
        if prepared.rendered.plan_hash != rendered.plan_hash:
            return None
        return self._planned(prepared), prepared.machine

    def _again(self, plan_hash: str) -> tuple[Evidence, Machine] | None:
        machine, earlier = self.machine(), self._last(plan_hash)
        if earlier is None or not earlier.is_of(machine):
            return None
        return replace(earlier, at=self.now(), speeds=(), peak={}), machine

    def _planned(self, prepared: Prepared) -> Evidence:
        machine = prepared.machine
        return Evidence(
            profile=prepared.profile.name,
            plan_hash=prepared.rendered.plan_hash,
            settings=settings_key(prepared.profile, prepared.plan.model.file_bytes),
            machine=machine.name,
            gpus=tuple(gpu.key for gpu in machine.gpus),
            gpu_names=tuple(gpu.name for gpu in machine.gpus),
            image=prepared.rendered.image,
            at=self.now(),
            predicted=prepared.plan.placed,
            complete=False,
        )


def select(records: Iterable[Evidence], profile: str | None, machine: Machine | None) -> tuple[Evidence, ...]:
    """The newest record of each plan: of one profile and one machine, None is all."""
    return newest(
        record
        for record in records
        if profile in (None, record.profile) and (machine is None or record.is_of(machine))
    )


def exportable(records: Iterable[Evidence], machine: Machine) -> tuple[Evidence, ...]:
    """What `machine` learned, under its name: complete starts, the newest of each settings and engine."""
    last: dict[tuple[str, str | None, str | None], Evidence] = {}
    for record in records:
        if record.complete and record.measured and record.is_of(machine):
            last[record.settings, record.build, record.digest] = replace(record, machine=machine.name)
    return tuple(last.values())
