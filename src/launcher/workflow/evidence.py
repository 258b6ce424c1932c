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

    prepared: what is being started, with its plan. digest: of an image by name, None for one that is
    not there. now: seconds since the epoch.
    """

    runtimes: Mapping[RuntimeName, Runtime]
    prepared: Callable[[], Prepared | None]
    digest: Callable[[str], str | None]
    store: EvidenceStore
    now: Callable[[], float]

    def record(self, rendered: Rendered, seconds: float | None, report: Reporter) -> None:
        prepared = self.prepared()
        if prepared is None or prepared.rendered.plan_hash != rendered.plan_hash:
            return
        try:
            self._record(prepared, seconds, report)
        except LauncherError as error:
            report.note(f"no evidence of this start: {error}")

    def recall(self, instance: Instance) -> Evidence | None:
        kept = (record for record in reversed(self.store.read()) if record.plan_hash == instance.plan_hash)
        return next(kept, None)

    def _record(self, prepared: Prepared, seconds: float | None, report: Reporter) -> None:
        rendered = prepared.rendered
        runtime = self.runtimes[rendered.runtime]
        instance = runtime.instance()
        if instance is None or instance.plan_hash != rendered.plan_hash:
            return
        log = "\n".join(runtime.logs())
        record = self._evidence(prepared, log, seconds)
        if record.complete and record.measured is None:
            report.note("the server's log does not say what lies where; launcher knows no other form of it")
        self.store.append(record)

    def _evidence(self, prepared: Prepared, log: str, seconds: float | None) -> Evidence:
        machine, image = prepared.machine, prepared.rendered.image
        return Evidence(
            profile=prepared.profile.name,
            plan_hash=prepared.rendered.plan_hash,
            settings=settings_key(prepared.profile, prepared.plan.model.file_bytes),
            machine=machine.name,
            gpus=tuple(gpu.key for gpu in machine.gpus),
            gpu_names=tuple(gpu.name for gpu in machine.gpus),
            build=read_build(log),
            image=image,
            digest=self.digest(image) if image else None,
            at=self.now(),
            seconds=seconds,
            predicted=prepared.plan.placed,
            projected=projected_ledger(log, machine),
            measured=measured_ledger(log, machine),
            complete=seconds is not None,
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
