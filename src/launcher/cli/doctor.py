"""``launcher doctor``: can this computer start servers?"""

from collections.abc import Mapping
from dataclasses import replace

import click

from launcher.cli.images import lock_file
from launcher.cli.options import LauncherCommand, Workspace, workspace
from launcher.cli.planning import Containers
from launcher.cli.project import Project, load_project
from launcher.cli.world import LaunchSite
from launcher.console import Console
from launcher.core.errors import LauncherError
from launcher.core.launch import Instance
from launcher.core.profiles import Profile, RuntimeName
from launcher.workflow.doctor import Surroundings, Wanted, observe, seen
from launcher.workflow.runtime import Runtime


@click.command(cls=LauncherCommand)
@click.option(
    "--runtime",
    type=click.Choice(["compose", "embedded"]),
    default="compose",
    show_default=True,
    help="Check for starts on this runtime.",
)
@click.pass_context
def doctor(ctx: click.Context, runtime: RuntimeName) -> int:
    """Look at all that starting a server needs: Docker, GPUs and driver, files, ports.

    Each check says what was found, and what to do. The exit code is 1 when something would keep
    servers from starting.
    """
    from launcher.console.doctor import show_checks, show_checks_json
    from launcher.core.doctor import examine

    space = workspace(ctx)
    checks = examine(observe(_surroundings(space), _wanted(space)), runtime)
    show = show_checks_json if space.json else show_checks
    show(Console(), checks)
    return int(any(check.level == "problem" for check in checks))


def _surroundings(space: Workspace) -> Surroundings:
    from launcher.edges import computer, hardware, ports
    from launcher.edges.compose import ComposeCli, Engine

    runtimes = LaunchSite(space).world.runtimes
    return Surroundings(
        docker=Engine(),
        compose=ComposeCli(space.root),
        hardware=hardware.observe,
        computer=computer,
        ports=ports,
        servers=lambda: _servers(runtimes),
    )


def _servers(runtimes: Mapping[RuntimeName, Runtime]) -> tuple[Instance, ...]:
    """The servers of the runtimes that answer."""
    found = (seen(runtime.instance) for runtime in runtimes.values())
    return tuple(each for each in found if isinstance(each, Instance))


def _wanted(space: Workspace) -> Wanted:
    """What the project's active profiles need; of a models.conf with errors, only these."""
    wanted = Wanted(
        models_dir=str(space.models_dir), compose_file=seen(lambda: Containers(space.root).problem)
    )
    try:
        profiles = _active(load_project(space))
        lock = lock_file(space).read()
    except LauncherError as error:
        return replace(wanted, conf=error.problems)
    return replace(
        wanted,
        images=tuple(profile.image for profile in profiles if profile.runtime == "compose"),
        lock=lock,
        addresses=tuple(dict.fromkeys((profile.host_bind, profile.host_port) for profile in profiles)),
    )


def _active(project: Project) -> tuple[Profile, ...]:
    return tuple(project.profile(name, partial=True) for name in project.registry.names())
