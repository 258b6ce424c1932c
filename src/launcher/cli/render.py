"""``launcher render``: the files that Compose reads, without starting anything."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from launcher.cli.options import LauncherCommand, Workspace, profile_argument, workspace
from launcher.console import Console
from launcher.core.errors import misuse

if TYPE_CHECKING:
    from launcher.cli.planning import Containers
    from launcher.cli.world import LaunchSite
    from launcher.workflow.launching import Prepared


@click.command(cls=LauncherCommand)
@profile_argument()
@click.option("--stdout", is_flag=True, help="Print the files, and write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the files on disk differ.")
@click.pass_context
def render(ctx: click.Context, profile: str, stdout: bool, check: bool) -> int:
    """Write the files that Compose reads: .env and compose.launch.yml.

    After that, plain `docker compose up -d` starts the same server as `launcher up`.
    """
    from launcher.cli.planning import Containers
    from launcher.cli.world import LaunchSite, ProjectFiles
    from launcher.console.render import render_json, show_rendered, show_stale, show_written
    from launcher.workflow.render import stale

    if stdout and check:
        raise misuse("expected only one of --stdout and --check")
    console = Console()
    place = workspace(ctx)
    containers = Containers(place.root)
    if not stdout:
        containers.require()
    launch = LaunchSite(place)
    prepared = _prepared(launch, place, containers, profile)
    rendered = prepared.rendered
    files = ProjectFiles(place.root)
    differing = stale(rendered, files)
    if not stdout and not check:
        launch.provide_folders(prepared.profile)
        files.write(rendered.files)
    if place.json:
        console.json(render_json(rendered, differing))
    elif stdout:
        show_rendered(console, rendered)
    elif check:
        show_stale(console, rendered, differing)
    else:
        show_written(console, rendered, differing)
    return 1 if check and differing else 0


def _prepared(launch: "LaunchSite", place: Workspace, containers: "Containers", name: str) -> "Prepared":
    """`name` as Compose would start it on the machine of the command line."""
    from launcher.cli.headers import project_headers
    from launcher.cli.machines import machine_for
    from launcher.workflow.launching import prepare
    from launcher.workflow.planning import Models

    machine = machine_for(place)
    profile = replace(containers.of(launch.project.profile(name, machine)), runtime="compose")
    models = Models(project_headers(place))
    return prepare(profile, models, machine, launch.site, force=True)
