"""status in words, for every way a server can be found."""

from collections.abc import Mapping

import pytest

from fakes import desk_world, instance_of, rendered
from launcher.core.errors import misuse
from launcher.core.launch import Launch, Memory, State
from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered
from launcher.core.units import MIB
from launcher.workflow.status import Status, status
from records import ledger, record

GLM = rendered("glm")


def prepare(profile: str, free: Mapping[str, int], runtime: RuntimeName) -> Rendered:
    return GLM


def observe(
    state: State | None, *, planned: Rendered = GLM, exit_code: int | None = None, **memory: Launch
) -> Status:
    world = desk_world(memory=Memory(**memory))
    world.runtime.ready_at = 1.0
    if state:
        world.runtime.running = instance_of(GLM, state, exit_code=exit_code)
    return status(world.world, lambda profile, free, runtime: planned, default_port=8080)


def test_running_as_planned() -> None:
    seen = observe("healthy", active=Launch(rendered=GLM))
    assert (seen.words, seen.as_planned) == ("running as planned", True)


def test_a_changed_profile() -> None:
    seen = observe("healthy", planned=rendered("glm", plan_hash="other"))
    assert (seen.words, seen.as_planned) == ("profile changed since", False)


@pytest.mark.parametrize(
    ("state", "exit_code", "words"),
    [
        ("starting", None, "starting"),
        ("unhealthy", None, "unhealthy"),
        ("exited", 137, "exited with code 137"),
        ("exited", None, "exited with an unknown code"),
    ],
)
def test_states(state: State, exit_code: int | None, words: str) -> None:
    assert observe(state, exit_code=exit_code).words == words


def test_nothing_runs() -> None:
    assert observe(None).words == "not running"


def test_a_server_that_vanished() -> None:
    assert observe(None, active=Launch(rendered=GLM)).words == "gone: glm was stopped by something else"


def test_something_else_on_the_port() -> None:
    desk = desk_world()
    desk.ports.taken[8080] = "nginx (process 7)"
    assert (
        status(desk.world, prepare, default_port=8080).words
        == "not ours: port 8080 is held by nginx (process 7)"
    )


def test_an_interrupted_launch_is_named() -> None:
    assert observe("starting", pending=Launch(rendered=GLM)).interrupted == "glm"


def test_a_profile_that_is_gone_from_the_file() -> None:
    desk = desk_world()
    desk.runtime.running = instance_of(GLM)

    def refuse(profile: str, free: Mapping[str, int], runtime: RuntimeName) -> Rendered:
        raise misuse("no such profile", where="glm")

    words = status(desk.world, refuse, default_port=8080).words
    assert words == "running, but its profile can't be planned any more: glm: no such profile"


def test_a_server_with_evidence_shows_its_devices_against_the_plan() -> None:
    world = desk_world(memory=Memory(active=Launch(rendered=GLM, free={"GPU-1": 20_000 * MIB})))
    world.runtime.running = instance_of(GLM)
    world.free = {"GPU-1": 18_000 * MIB}
    world.witness.evidence = record(measured=ledger(CUDA0=(1000, 200, 300), Host=(300, 0, 20)))
    seen = status(world.world, prepare, default_port=8080)
    gpu, _ = seen.devices
    assert (gpu.planned, gpu.measured, gpu.in_use) == (1300 * MIB, 1500 * MIB, 2000 * MIB)
    assert [finding.code for finding in seen.findings] == ["E001"]
