"""The running server put aside: it is back afterwards, whatever happened meanwhile."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes import FakeDesk, FakeRuntime, FakeServer, instance_of, rendered
from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Launch, Memory
from launcher.core.render import Rendered
from launcher.workflow.aside import Absence, aside
from launcher.workflow.up import restart, up

OLD, NEW = rendered("old"), rendered("new")
THERE_AND_BACK = ["stop old", "start new", "stop new", "start old"]


def desk(running: Rendered | None = OLD) -> FakeDesk:
    made = FakeDesk()
    if running:
        made.runtime.running = instance_of(running)
        made.journal.memory = Memory(active=Launch(rendered=running))
    return made


def visit(there: FakeDesk, meanwhile: Callable[[Absence], object] = lambda absence: None) -> Absence:
    """Put the server of a desk aside, start another one, and do something."""
    with aside(there.world, there.report, purpose="tune", timeout=60) as absence:
        up(absence.world, lambda free: NEW, there.report, timeout=60)
        meanwhile(absence)
    return absence


def test_the_server_from_before_runs_again_just_as_it_was_started() -> None:
    there = desk()
    before = there.journal.memory
    assert visit(there).back
    assert there.runtime.events == THERE_AND_BACK
    assert there.journal.memory == before
    assert there.report.notes == ["bringing back old", "old is back at http://127.0.0.1:8080"]


def test_where_nothing_ran_nothing_runs_afterwards() -> None:
    there = desk(None)
    assert visit(there).back
    assert there.runtime.events == ["start new", "stop new"]
    assert there.journal.memory == Memory()


@pytest.mark.parametrize("error", [failure("no engine"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_what_ran_is_back_after_an_error(error: BaseException) -> None:
    def fail(absence: Absence) -> None:
        raise error

    there = desk()
    with pytest.raises(type(error)):
        visit(there, fail)
    assert there.runtime.events == THERE_AND_BACK


def test_a_killed_launcher_leaves_the_memory_of_what_ran_before() -> None:
    there = desk()
    kept: list[Memory] = []
    visit(there, lambda absence: kept.append(there.journal.memory))
    assert kept == [Memory(active=Launch(rendered=OLD), pending=Launch(rendered=OLD))]
    there.journal.memory = kept[0]
    there.runtime.running = instance_of(NEW)
    restart(there.world, there.report, timeout=60)
    assert there.runtime.events[-2:] == ["stop new", "start old"]
    assert there.journal.memory == Memory(active=Launch(rendered=OLD))


def test_nothing_is_stopped_without_consent() -> None:
    there = desk()
    there.report.answer = False
    with pytest.raises(LauncherError, match="old is still running"):
        visit(there)
    assert there.report.questions == ["old is running. Stop it for a while?"]
    assert there.runtime.events == []


def test_a_server_that_nobody_could_start_again_is_left_alone() -> None:
    there = desk()
    there.journal.memory = Memory(active=Launch(rendered=NEW))
    with pytest.raises(LauncherError, match="old is running, and launcher does not know how"):
        visit(there)
    assert there.runtime.events == []


def test_a_server_that_had_ended_is_not_started_again() -> None:
    there = desk()
    there.runtime.running = instance_of(OLD, "exited", exit_code=1)
    assert visit(there).back
    assert there.runtime.events[-1] == "stop new"


def test_a_server_that_does_not_come_back_is_told() -> None:
    there = desk()
    there.runtime.broken = {"old"}
    assert not visit(there).back
    assert any(note.startswith("old did not come back") for note in there.report.notes)


def test_what_can_not_be_stopped_is_told_and_the_old_one_tried_all_the_same() -> None:
    class Stubborn(FakeRuntime):
        def stop(self) -> None:
            if self.running and self.running.profile == "new":
                raise failure("it will not go")
            super().stop()

    there = desk()
    stubborn = Stubborn(there.clock, running=there.runtime.running)
    there.world = replace(there.world, runtimes={"compose": stubborn}, server=FakeServer(stubborn))
    visit(there)
    assert "what was started could not be stopped: it will not go" in there.report.notes
    assert stubborn.events[-1] == "start old"
