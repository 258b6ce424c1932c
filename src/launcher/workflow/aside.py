"""The server that runs, put aside: others have the machine meanwhile, then it runs again."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from launcher.core.errors import failure
from launcher.core.launch import Instance, Launch, Memory
from launcher.workflow.servers import find
from launcher.workflow.up import bring_back, mend, stop, undo
from launcher.workflow.world import Reporter, World


@dataclass(slots=True)
class _Notes:
    """Memory of what is started meanwhile. On disk stays what ran before, as about to be started: should
    launcher be killed, `status` names it, and `restart` starts it."""

    memory: Memory = field(default_factory=Memory)

    def read(self) -> Memory:
        return self.memory

    def write(self, memory: Memory) -> None:
        self.memory = memory


class _Held:
    """The lock, as seen by those who work while it is held for them."""

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(slots=True)
class Absence:
    """world: to start others in, one at a time. back: False once the server did not come back."""

    world: World
    back: bool = True


@contextmanager
def aside(world: World, report: Reporter, *, purpose: str, timeout: float) -> Iterator[Absence]:
    """Stop the server that runs, and give its machine to others, under the lock of `world`.

    However that ends, what was started is stopped, and the server from before runs again just as it was
    started. Raises LauncherError when the user wants it to go on, and when launcher doesn't know how it
    was started.
    """
    with world.lock.hold(purpose):
        memory = mend(world)
        running = find(world, memory)
        before = _known(running, memory) if running and running.state != "exited" else None
        if before and not report.agrees(f"{before.rendered.profile} is running. Stop it for a while?"):
            raise failure(
                f"{before.rendered.profile} is still running",
                hint=f"launcher {purpose} --yes stops it without asking, and starts it again",
            )
        absence = Absence(world=replace(world, lock=_Held(), journal=_Notes()))
        world.journal.write(replace(memory, pending=before))
        try:
            stop(world, report, running, before.free if before else {})
            yield absence
        finally:
            undo(absence.world, report)
            absence.back = before is None or bring_back(world, report, before, timeout)
            world.journal.write(memory)


def _known(running: Instance, memory: Memory) -> Launch:
    if memory.active is None or memory.active.rendered.plan_hash != running.plan_hash:
        raise failure(
            f"{running.profile} is running, and launcher does not know how it was started",
            hint="launcher down stops it",
        )
    return memory.active
