"""``launcher detect``: what this computer has, as a plan sees it."""

from dataclasses import replace
from pathlib import Path

import click

from launcher.cli.machines import detection, machines_dir
from launcher.cli.options import Globals, LauncherCommand, workspace
from launcher.cli.project import shown
from launcher.console import Console
from launcher.core.errors import UsageError, failure, misuse
from launcher.core.machine import Machine


@click.command(cls=LauncherCommand)
@click.option("--write", "name", metavar="NAME", help="Save it as profiles/machines/NAME.yml.")
@click.option("--force", is_flag=True, help="With --write: replace a file that differs.")
@click.pass_context
def detect(ctx: click.Context, name: str | None, force: bool) -> None:
    """Show this computer's GPUs in the order of the container, its host memory, and FIT_TARGET.

    With --write it becomes a machine that plans and checks elsewhere can name.
    """
    from launcher.console.detect import detection_json, show_detection

    options = ctx.ensure_object(Globals)
    if options.machines:
        raise misuse("detect looks at this computer only", where="--machine", hint="leave --machine out")
    folder = machines_dir(workspace(ctx)) if name else _own_folder(ctx)
    found = detection(folder)
    show = detection_json if options.json else show_detection
    show(Console(), found)
    if name and folder:
        _write(replace(found.machine, name=name), folder, force=force)


def _own_folder(ctx: click.Context) -> Path | None:
    """The project's machine files; None outside of a project, where detect works, too."""
    try:
        return machines_dir(workspace(ctx))
    except UsageError:
        return None


def _write(machine: Machine, folder: Path, *, force: bool) -> None:
    from launcher.console.detect import show_kept
    from launcher.edges.files import TextFile
    from launcher.workflow.detect import file_name, keep

    file = TextFile(folder / file_name(machine.name))
    folder.mkdir(parents=True, exist_ok=True)
    kept = keep(machine, file, force=force)
    show_kept(Console(), kept, shown(file.path))
    if kept.refused:
        raise failure("differs from what is seen now", where=shown(file.path), hint="--force replaces it")
