"""``status``: what runs, against what models.conf would start now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launcher.core.errors import LauncherError
from launcher.core.evidence import DeviceUse, Evidence, device_use, findings
from launcher.core.findings import Finding
from launcher.core.launch import Instance, Memory
from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered
from launcher.workflow.servers import find
from launcher.workflow.world import World

PrepareProfile = Callable[[str, Mapping[str, int], RuntimeName], Rendered]
"""Plans and renders the named profile for a runtime, assuming the given free bytes by GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """instance: None when nothing of ours is there. words: the state in the user's words.

    as_planned: whether the server is healthy and the plan of its profile is still the one it was
    started with. interrupted: profile of a launch whose launcher was killed. devices, findings: of a
    healthy server whose start left evidence.
    """

    instance: Instance | None
    words: str
    as_planned: bool
    interrupted: str | None = None
    devices: tuple[DeviceUse, ...] = ()
    findings: tuple[Finding, ...] = ()


def status(world: World, prepare: PrepareProfile, *, default_port: int) -> Status:
    """Observe only: nothing is started, stopped or written."""
    memory = world.journal.read()
    instance = find(world, memory)
    interrupted = memory.pending.rendered.profile if memory.pending else None
    if instance is None:
        return Status(
            instance=None,
            words=_absent(world, memory, default_port),
            as_planned=False,
            interrupted=interrupted,
        )
    words = _state(instance) or _against_plan(instance, memory, prepare)
    record = world.witness().recall(instance) if instance.state == "healthy" else None
    return Status(
        instance=instance,
        words=words,
        as_planned=words == AS_PLANNED,
        interrupted=interrupted,
        devices=_devices(world, record, memory) if record else (),
        findings=findings(record) if record else (),
    )


AS_PLANNED = "running as planned"


def _devices(world: World, record: Evidence, memory: Memory) -> tuple[DeviceUse, ...]:
    """What can't be looked at now is unknown."""
    try:
        now = world.free_memory()
    except LauncherError:
        now = {}
    return device_use(record, memory.active.free if memory.active else {}, now)


def _absent(world: World, memory: Memory, default_port: int) -> str:
    port = memory.active.rendered.host_port if memory.active else default_port
    holder = world.ports.holder("127.0.0.1", port)
    if holder:
        return f"not ours: port {port} is held by {holder}"
    if memory.active:
        return f"gone: {memory.active.rendered.profile} was stopped by something else"
    return "not running"


def _state(instance: Instance) -> str | None:
    if instance.state == "exited":
        code = "an unknown code" if instance.exit_code is None else f"code {instance.exit_code}"
        return f"exited with {code}"
    return None if instance.state == "healthy" else instance.state


def _against_plan(instance: Instance, memory: Memory, prepare: PrepareProfile) -> str:
    try:
        planned = prepare(instance.profile, memory.active.free if memory.active else {}, instance.runtime)
    except LauncherError as error:
        return f"running, but its profile can't be planned any more: {error.problems[0]}"
    return AS_PLANNED if planned.plan_hash == instance.plan_hash else "profile changed since"
