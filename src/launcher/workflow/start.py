"""Start a server and wait until it answers, or until it can't any more."""

from dataclasses import dataclass, replace
from functools import reduce

from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Instance
from launcher.core.render import Rendered
from launcher.core.startup import FIRST, Phase, advance
from launcher.workflow.runtime import Runtime
from launcher.workflow.world import Reporter, World

POLL_SHARE = 0.05
SHORTEST_POLL, LONGEST_POLL = 0.02, 0.25
LOOK_SECONDS = 0.1
PHASE_SECONDS = 1.0
LOG_TAIL = 400
FAILED_LOG = ".launcher/failed.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A server that answers. seconds: from the start of its process to its first healthy answer."""

    instance: Instance
    rendered: Rendered
    seconds: float
    already_running: bool = False


def start(world: World, report: Reporter, rendered: Rendered) -> None:
    """Write the files of `rendered`, then create and start its server."""
    world.files.write(rendered.files)
    report.say(f"starting {rendered.profile}")
    world.runtimes[rendered.runtime].start(rendered)


def wait(world: World, report: Reporter, rendered: Rendered, timeout: float) -> Outcome:
    """Wait until the server answers; raises LauncherError with the diagnosis when it won't."""
    runtime = world.runtimes[rendered.runtime]
    seconds = _wait_until_healthy(world, report, runtime, rendered, timeout)
    instance = runtime.instance()
    if instance is None:
        raise failure(f"{rendered.profile} vanished right after it became healthy", hint="launcher logs")
    return Outcome(instance=replace(instance, state="healthy"), rendered=rendered, seconds=seconds)


def _wait_until_healthy(
    world: World, report: Reporter, runtime: Runtime, rendered: Rendered, timeout: float
) -> float:
    """Seconds until the server answered; raises LauncherError as soon as it can't any more."""
    clock = world.clock
    began = clock.monotonic()
    phase, phase_read, looked = FIRST, 0.0, -LOOK_SECONDS
    while world.server.health(rendered.url) != "ok":
        elapsed = clock.monotonic() - began
        if elapsed - looked >= LOOK_SECONDS:
            looked = elapsed
            _require_alive(world, runtime, rendered)
        if elapsed > timeout:
            raise failure(
                f"{rendered.profile} is not healthy after {elapsed:.0f} s",
                hint="launcher up --timeout SECONDS waits longer; launcher logs shows what it does",
            )
        if elapsed - phase_read >= PHASE_SECONDS:
            phase, phase_read = _phase(runtime), elapsed
        report.say(f"{rendered.profile}: {phase}", elapsed)
        clock.sleep(_pause(elapsed))
    return clock.monotonic() - began


def _require_alive(world: World, runtime: Runtime, rendered: Rendered) -> None:
    instance = runtime.instance()
    if instance is None or instance.state in ("exited", "unhealthy") or instance.restarts:
        raise _start_failed(world, runtime, rendered, instance)


def _pause(elapsed: float) -> float:
    """Seconds until the next look: a small server is seen at once, a large one is left to load."""
    return min(max(SHORTEST_POLL, POLL_SHARE * elapsed), LONGEST_POLL)


def _phase(runtime: Runtime) -> Phase:
    return reduce(advance, runtime.logs(tail=LOG_TAIL), FIRST)


def _start_failed(
    world: World, runtime: Runtime, rendered: Rendered, instance: Instance | None
) -> LauncherError:
    from launcher.core.diagnosis import diagnose

    lines = tuple(runtime.logs())
    world.files.write({FAILED_LOG: "".join(f"{line}\n" for line in lines)})
    found = diagnose(lines, instance.exit_code if instance else None)
    kept = f"all that it said is in {FAILED_LOG}"
    return failure(
        "\n  ".join((found.what, *found.lines)),
        where=f"[{rendered.profile}]",
        hint=f"{found.hint}; {kept}" if found.hint else kept,
    )
