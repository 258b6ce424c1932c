"""``up`` and its kin: from a plan to a server that answers, and back when it doesn't."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Instance, Launch, Memory
from launcher.core.render import Rendered
from launcher.core.units import MIB
from launcher.workflow.servers import find, stop_all
from launcher.workflow.start import Outcome, start, wait
from launcher.workflow.world import Reporter, Witness, World

SETTLE_POLL_SECONDS = 0.1
SETTLE_SECONDS = 30.0
SETTLE_STILL_SECONDS = 3.0
SETTLE_SLACK = 64 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to run, what runs, and what to come back to."""

    rendered: Rendered
    running: Instance | None
    before: Launch | None

    @property
    def resumes(self) -> bool:
        """Whether the running server is the wanted one already, healthy or on its way."""
        running = self.running
        alive = running is not None and running.state in ("starting", "healthy")
        return alive and running is not None and running.plan_hash == self.rendered.plan_hash


Prepare = Callable[[Mapping[str, int]], Rendered]
"""Plans and renders a profile; takes the free bytes by GPU to assume instead of those observed."""


def up(world: World, prepare: Prepare, report: Reporter, *, timeout: float) -> Outcome:
    """Bring the prepared profile up; on failure bring back the one that was active before.

    Everything that can be refused is refused before the running server is touched. A server that
    a killed launcher had started with the same plan is waited for, not started again.
    Raises LauncherError with the diagnosis when the new server does not become healthy.
    """
    with world.lock.hold("up"):
        memory = mend(world)
        running = find(world, memory)
        rendered = prepare(memory.active.free if running and memory.active else {})
        change = Change(rendered=rendered, running=running, before=memory.active)
        if running and change.resumes and running.state == "healthy":
            return Outcome(instance=running, rendered=rendered, seconds=0.0, already_running=True)
        _refuse_taken_port(world, change)
        if running and not change.resumes and not report.agrees(_question(running, rendered)):
            raise failure(
                f"{running.profile} is still running", hint="launcher up --yes switches without asking"
            )
        return _make(world, prepare, report, change, timeout)


def down(world: World, report: Reporter) -> Instance | None:
    """Stop the project's server, and forget it; None when there was none."""
    with world.lock.hold("down"):
        memory = world.journal.read()
        running = find(world, memory)
        if running:
            report.say(f"stopping {running.profile}")
        stop_all(world, memory)
        world.journal.write(Memory())
        return running


def restart(world: World, report: Reporter, *, timeout: float) -> Outcome:
    """Start the active server again, just as it was started."""
    with world.lock.hold("restart"):
        memory = mend(world)
        if memory.active is None:
            raise failure("nothing to restart: no server was started here", hint="launcher up PROFILE")
        rendered = memory.active.rendered
        stop(world, report, find(world, memory), memory.active.free)
        start(world, report, rendered)
        witness = world.witness()
        outcome = _wait_or_record(world, witness, report, rendered, timeout)
        witness.record(rendered, outcome.seconds, report)
        return outcome


def mend(world: World) -> Memory:
    """Settle what a killed launcher left behind: adopt its server if that became healthy.

    Otherwise the launch before it stays the one to come back to.
    """
    memory = world.journal.read()
    if memory.pending is None:
        return memory
    running = find(world, memory)
    adopted = running is not None and running.plan_hash == memory.pending.rendered.plan_hash
    healthy = adopted and world.server.health(memory.pending.rendered.url) == "ok"
    settled = Memory(active=memory.pending if healthy else memory.active)
    world.journal.write(settled)
    return settled


def _question(running: Instance, rendered: Rendered) -> str:
    if running.profile == rendered.profile:
        return f"{running.profile} is running with another plan. Start it again?"
    return f"{running.profile} is running. Switch to {rendered.profile}?"


def _refuse_taken_port(world: World, change: Change) -> None:
    running, rendered = change.running, change.rendered
    if running and running.state != "exited" and running.url == rendered.url:
        return
    holder = world.ports.holder(rendered.host_bind, rendered.host_port)
    if holder:
        raise failure(
            f"port {rendered.host_port} is taken by {holder}",
            hint="stop that, or set HOST_PORT in the profile",
        )


def _make(world: World, prepare: Prepare, report: Reporter, change: Change, timeout: float) -> Outcome:
    before = change.before
    launch = _begin(world, before, change.rendered)
    with _bring_back_on_failure(world, report, before, timeout):
        if change.running and not change.resumes:
            stop(world, report, change.running, before.free if before else {})
            launch = _begin(world, before, prepare({}))
        if not change.resumes:
            start(world, report, launch.rendered)
        witness = world.witness()
        outcome = _wait_or_record(world, witness, report, launch.rendered, timeout)
        world.journal.write(Memory(active=launch))
    witness.record(launch.rendered, outcome.seconds, report)
    return outcome


def _begin(world: World, before: Launch | None, rendered: Rendered) -> Launch:
    """Write down what is about to be started, and what is free now."""
    launch = Launch(rendered=rendered, free=world.free_memory())
    world.journal.write(Memory(active=before, pending=launch))
    return launch


def _wait_or_record(
    world: World, witness: Witness, report: Reporter, rendered: Rendered, timeout: float
) -> Outcome:
    try:
        return wait(world, report, rendered, timeout)
    except (LauncherError, KeyboardInterrupt):
        witness.record(rendered, None, report)
        raise


@contextmanager
def _bring_back_on_failure(
    world: World, report: Reporter, before: Launch | None, timeout: float
) -> Iterator[None]:
    try:
        yield
    except (LauncherError, KeyboardInterrupt):
        undo(world, report)
        if before is not None:
            bring_back(world, report, before, timeout)
        world.journal.write(Memory(active=before))
        raise


def undo(world: World, report: Reporter) -> None:
    """Stop whatever runs; where that fails, a note says so."""
    report.say("stopping what was started")
    try:
        stop_all(world, world.journal.read())
    except LauncherError as error:
        report.note(f"what was started could not be stopped: {error}")


def bring_back(world: World, report: Reporter, before: Launch, timeout: float) -> bool:
    """Start a server again as it was started; a note says whether it came back."""
    report.note(f"bringing back {before.rendered.profile}")
    try:
        start(world, report, before.rendered)
        wait(world, report, before.rendered, timeout)
    except LauncherError as error:
        report.note(f"{before.rendered.profile} did not come back: {error}")
        return False
    report.note(f"{before.rendered.profile} is back at {before.rendered.url}")
    return True


def stop(world: World, report: Reporter, running: Instance | None, free_before: Mapping[str, int]) -> None:
    """Stop the server, and wait until the GPUs have its memory back: as much as was free before it."""
    if running is None:
        return
    report.say(f"stopping {running.profile}")
    world.runtimes[running.runtime].stop()
    report.say("waiting for the GPU memory to be free")
    _wait_for_memory(world, free_before)


def _wait_for_memory(world: World, wanted: Mapping[str, int]) -> None:
    """Wait until each GPU has as much free as before the old server started, or stays as it is."""
    clock = world.clock
    began = still_since = clock.monotonic()
    last: Mapping[str, int] = {}
    while clock.monotonic() - began < SETTLE_SECONDS:
        free = world.free_memory()
        if all(free.get(gpu, amount) >= amount - SETTLE_SLACK for gpu, amount in wanted.items()):
            return
        if free != last:
            last, still_since = free, clock.monotonic()
        elif clock.monotonic() - still_since >= SETTLE_STILL_SECONDS:
            return
        clock.sleep(SETTLE_POLL_SECONDS)
