"""``launcher list`` and ``launcher show``: the profiles of models.conf."""

import click

from launcher.cli.options import LauncherCommand, profile_argument, workspace
from launcher.cli.project import load_project
from launcher.console import Console
from launcher.console import registry as view


@click.command("list", cls=LauncherCommand)
@click.option("--all", "everything", is_flag=True, help="Also list the retired profiles.")
@click.pass_context
def list_(ctx: click.Context, everything: bool) -> None:
    """List the profiles of models.conf."""
    project = load_project(workspace(ctx))
    names = project.registry.names(include_retired=everything)
    profiles = [project.profile(name, partial=True) for name in names]
    show_all = view.list_json if project.space.json else view.list_profiles
    show_all(Console(), profiles)


@click.command(cls=LauncherCommand)
@profile_argument()
@click.pass_context
def show(ctx: click.Context, profile: str) -> None:
    """Show what a profile resolves to, and where each value comes from.

    A value whose template needs a machine is shown as it is written, unless --machine names one.
    """
    from launcher.cli.machines import machine_for

    space = workspace(ctx)
    project = load_project(space)
    machine = machine_for(space) if space.machines else None
    found = project.profile(profile, machine, partial=True)
    show_one = view.profile_json if project.space.json else view.show_profile
    show_one(Console(), found, project.registry.path)
