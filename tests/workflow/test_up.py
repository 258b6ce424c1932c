"""up, down and switching against fakes: what runs in the end, what was touched, what is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from fakes import FakeDesk, FakeRuntime, instance_of, rendered
from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Instance, Launch, Memory
from launcher.core.render import Rendered
from launcher.workflow.start import FAILED_LOG
from launcher.workflow.up import down, mend, restart, up

OLD, NEW = rendered("old"), rendered("new")
GIB = 1024**3


@dataclass
class Desk(FakeDesk):
    """A project folder with everything faked; `running` makes `old` run already."""

    def running(self, what: Rendered = OLD, *, free: Mapping[str, int] | None = None) -> "Desk":
        self.runtime.running = instance_of(what)
        self.journal.memory = Memory(active=Launch(rendered=what, free=free or {}))
        return self

    def up(self, what: Rendered = NEW, timeout: float = 60.0) -> object:
        return up(self.world, lambda free: what, self.report, timeout=timeout)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_first_up_starts_waits_and_remembers(desk: Desk) -> None:
    outcome = up(desk.world, lambda free: NEW, desk.report, timeout=60)
    assert outcome.instance.state == "healthy"
    assert outcome.seconds == pytest.approx(2.0, rel=0.06)
    assert desk.files.written == NEW.files
    assert desk.journal.memory == Memory(active=Launch(rendered=NEW))


def test_up_of_what_runs_already_touches_nothing(desk: Desk) -> None:
    desk.running(NEW)
    outcome = up(desk.world, lambda free: NEW, desk.report, timeout=60)
    assert outcome.already_running
    assert desk.runtime.events == []


def test_a_changed_plan_of_the_same_profile_is_a_switch(desk: Desk) -> None:
    desk.running(rendered("new", plan_hash="before"))
    desk.up(NEW)
    assert desk.runtime.events == ["stop new", "start new"]


def test_a_switch_asks_then_stops_then_starts(desk: Desk) -> None:
    desk.running().up()
    assert desk.report.questions == ["old is running. Switch to new?"]
    assert desk.runtime.events == ["stop old", "start new"]
    assert desk.journal.memory.active == Launch(rendered=NEW)


def test_a_refused_switch_leaves_the_old_one_alone(desk: Desk) -> None:
    desk.report.answer = False
    with pytest.raises(LauncherError, match="old is still running"):
        desk.running().up()
    assert desk.runtime.events == []


def test_a_taken_port_is_refused_before_anything_is_stopped(desk: Desk) -> None:
    desk.ports.taken[9090] = "nginx (process 12)"
    with pytest.raises(LauncherError, match=r"port 9090 is taken by nginx \(process 12\)"):
        desk.running().up(rendered("new", port=9090))
    assert desk.runtime.events == []


def test_the_port_of_the_old_server_is_not_in_its_successors_way(desk: Desk) -> None:
    desk.ports.taken[8080] = "docker-proxy"
    desk.running().up()
    assert desk.runtime.events == ["stop old", "start new"]


def test_a_plan_that_fails_leaves_the_old_one_alone(desk: Desk) -> None:
    def refuse(free: Mapping[str, int]) -> Rendered:
        raise LauncherError

    with pytest.raises(LauncherError):
        up(desk.running().world, refuse, desk.report, timeout=60)
    assert desk.runtime.events == []


def test_a_broken_profile_brings_the_old_one_back(desk: Desk) -> None:
    desk.runtime.broken = {"new"}
    desk.runtime.log = ("error loading model: unknown model architecture: 'nova'",)
    with pytest.raises(LauncherError, match="nova"):
        desk.running().up()
    assert desk.runtime.events == ["stop old", "start new", "stop new", "start old"]
    assert desk.files.written == {**OLD.files, FAILED_LOG: f"{desk.runtime.log[0]}\n"}
    assert desk.journal.memory == Memory(active=Launch(rendered=OLD))


def test_a_broken_first_profile_leaves_nothing_running(desk: Desk) -> None:
    desk.runtime.broken = {"new"}
    with pytest.raises(LauncherError):
        desk.up()
    assert desk.runtime.running is None
    assert desk.journal.memory == Memory()


def test_a_death_while_loading_is_seen_at_the_next_poll(desk: Desk) -> None:
    desk.runtime.broken = {"new"}
    desk.runtime.load_seconds = 0.0
    with pytest.raises(LauncherError):
        desk.up(timeout=600)
    assert desk.clock.now < 1


def test_too_slow_is_an_error_that_brings_the_old_one_back(desk: Desk) -> None:
    desk.running()
    desk.runtime.load_seconds = 20
    with pytest.raises(LauncherError, match="new is not healthy after 10 s"):
        desk.up(timeout=10)
    assert desk.runtime.events[-1] == "start old"


def test_an_interrupt_while_loading_brings_the_old_one_back(desk: Desk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    desk.clock.at[1.0] = interrupt
    with pytest.raises(KeyboardInterrupt):
        desk.running().up()
    assert desk.runtime.events == ["stop old", "start new", "stop new", "start old"]


def test_a_switch_waits_for_the_gpu_memory_of_the_old_server(desk: Desk) -> None:
    desk.free = {"GPU-1": 1 * GIB}
    desk.clock.at[1.5] = lambda: desk.free.update({"GPU-1": 20 * GIB})
    seen: list[Mapping[str, int]] = []

    def prepare(free: Mapping[str, int]) -> Rendered:
        seen.append(free)
        return NEW

    up(desk.running(free={"GPU-1": 20 * GIB}).world, prepare, desk.report, timeout=60)
    assert seen == [{"GPU-1": 20 * GIB}, {}]
    assert desk.journal.memory.active == Launch(rendered=NEW, free={"GPU-1": 20 * GIB})


def test_memory_that_never_comes_back_does_not_hold_the_switch_forever(desk: Desk) -> None:
    desk.free = {"GPU-1": 1 * GIB}
    desk.running(free={"GPU-1": 20 * GIB}).up()
    assert desk.runtime.events == ["stop old", "start new"]


def test_down_stops_and_forgets(desk: Desk) -> None:
    stopped = down(desk.running().world, desk.report)
    assert stopped is not None
    assert stopped.profile == "old"
    assert desk.runtime.running is None
    assert desk.journal.memory == Memory()


def test_down_of_nothing_is_no_error(desk: Desk) -> None:
    assert down(desk.world, desk.report) is None


def test_restart_starts_the_same_again(desk: Desk) -> None:
    restart(desk.running().world, desk.report, timeout=60)
    assert desk.runtime.events == ["stop old", "start old"]
    assert [name for name, seconds in desk.witness.recorded if seconds is not None] == ["old"]


def test_a_restart_that_fails_is_recorded_as_that(desk: Desk) -> None:
    desk.running()
    desk.runtime.broken = {"old"}
    with pytest.raises(LauncherError):
        restart(desk.world, desk.report, timeout=60)
    assert desk.witness.recorded == [("old", None)]


def test_restart_of_nothing_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(LauncherError, match="launcher up PROFILE"):
        restart(desk.world, desk.report, timeout=60)


@pytest.mark.parametrize("step", ["stop", "start", "loading"])
def test_a_launcher_killed_at_any_step_is_mended_by_the_next(desk: Desk, step: str) -> None:
    desk.running()
    desk.journal.memory = Memory(active=Launch(rendered=OLD), pending=Launch(rendered=NEW))
    if step == "stop":
        desk.runtime.running = None
    elif step == "loading":
        desk.runtime.running = instance_of(NEW, "starting")
        desk.runtime.ready_at = 5.0
    assert mend(desk.world) == Memory(active=Launch(rendered=OLD))


def test_a_server_whose_launcher_was_killed_is_adopted_once_healthy(desk: Desk) -> None:
    desk.journal.memory = Memory(active=Launch(rendered=OLD), pending=Launch(rendered=NEW))
    desk.runtime.running = instance_of(NEW)
    assert mend(desk.world) == Memory(active=Launch(rendered=NEW))


def test_a_server_that_still_loads_is_waited_for_not_started_again(desk: Desk) -> None:
    desk.running()
    desk.journal.memory = Memory(active=Launch(rendered=OLD), pending=Launch(rendered=NEW))
    desk.runtime.running = instance_of(NEW, "starting")
    desk.runtime.ready_at = 5.0
    desk.up()
    assert desk.runtime.events == []
    assert desk.journal.memory.active == Launch(rendered=NEW)


def test_after_a_kill_the_one_before_still_comes_back(desk: Desk) -> None:
    desk.journal.memory = Memory(active=Launch(rendered=OLD), pending=Launch(rendered=NEW))
    desk.runtime.broken = {"new"}
    with pytest.raises(LauncherError):
        desk.up()
    assert desk.runtime.events == ["start new", "stop new", "start old"]


def test_a_rollback_that_fails_too_reports_both(desk: Desk) -> None:
    desk.runtime.broken = {"new", "old"}
    with pytest.raises(LauncherError, match=r"\[new\]"):
        desk.running().up()
    assert any("old did not come back" in note for note in desk.report.notes)


def test_a_machine_without_docker_can_run_the_embedded_server(desk: Desk) -> None:
    class NoDocker(FakeRuntime):
        def instance(self) -> Instance | None:
            raise failure("the Docker daemon does not answer")

        def stop(self) -> None:
            raise failure("the Docker daemon does not answer")

    embedded = replace(NEW, runtime="embedded")
    world = replace(desk.world, runtimes={"compose": NoDocker(desk.clock), "embedded": desk.runtime})
    assert up(world, lambda free: embedded, desk.report, timeout=60).instance.state == "healthy"
    down(world, desk.report)
    assert desk.runtime.running is None


def test_docker_that_is_gone_is_an_error_where_a_container_was_started(desk: Desk) -> None:
    class NoDocker(FakeRuntime):
        def instance(self) -> Instance | None:
            raise failure("the Docker daemon does not answer")

    desk.journal.memory = Memory(active=Launch(rendered=OLD))
    world = replace(desk.world, runtimes={"compose": NoDocker(desk.clock)})
    with pytest.raises(LauncherError, match="does not answer"):
        down(world, desk.report)


def test_a_start_is_recorded_once_it_is_healthy(desk: Desk) -> None:
    desk.up()
    assert [name for name, seconds in desk.witness.recorded if seconds is not None] == ["new"]


def test_a_failed_start_is_recorded_before_the_old_one_is_back(desk: Desk) -> None:
    desk.runtime.broken = {"new"}
    with pytest.raises(LauncherError):
        desk.running().up()
    assert desk.witness.recorded == [("new", None)]
