"""The project's server, wherever it runs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Instance, Memory
from launcher.workflow.runtime import Runtime
from launcher.workflow.world import World

T = TypeVar("T")


def find(world: World, memory: Memory) -> Instance | None:
    """The project's server in whichever runtime it is, a running one first.

    A runtime that can't be asked (no Docker here) is an error only where something was started in it.
    """
    found = [instance for instance in _ask(world, memory, lambda runtime: runtime.instance()) if instance]
    running = min(found, key=lambda instance: instance.state == "exited", default=None)
    return _answering(world, running) if running else None


def logs(world: World, *, follow: bool, tail: int | None) -> Iterator[str]:
    """Lines of the server's log; raises LauncherError when there is no server."""
    instance = find(world, world.journal.read())
    if instance is None:
        raise failure("no server of this project is there", hint="launcher up PROFILE")
    return world.runtimes[instance.runtime].logs(follow=follow, tail=tail)


def _answering(world: World, instance: Instance) -> Instance:
    """A server that answers is healthy, though Docker may look only every few seconds."""
    if instance.state == "starting" and world.server.health(instance.url) == "ok":
        return replace(instance, state="healthy")
    return instance


def stop_all(world: World, memory: Memory) -> None:
    """Stop and remove every server of the project."""
    _ask(world, memory, lambda runtime: runtime.stop())


def _ask(world: World, memory: Memory, question: Callable[[Runtime], T]) -> list[T]:
    answers = []
    for name, runtime in world.runtimes.items():
        try:
            answers.append(question(runtime))
        except LauncherError:
            if name in memory.runtimes:
                raise
    return answers
