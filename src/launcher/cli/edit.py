"""Commands that change models.conf; each shows the diff, and refuses what would not validate."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.machines import machines_dir, resolve_machine
from launcher.cli.options import KeySetting, LauncherCommand, Workspace, profile_argument, workspace
from launcher.cli.project import load_samplers, shown
from launcher.console import Console
from launcher.core import conf_edit
from launcher.core.conf_edit import Edit
from launcher.core.errors import LauncherError, Problem, misuse
from launcher.core.machine import Machine
from launcher.core.profiles import parse, validate
from launcher.edges.files import TextFile, draft
from launcher.edges.state import FileLock
from launcher.workflow.edit import Change, change, edit_by_hand

if TYPE_CHECKING:
    from launcher.core.architecture import Architecture


@click.command(cls=LauncherCommand)
@profile_argument(required=False)
@click.pass_context
def edit(ctx: click.Context, profile: str | None) -> None:
    """Open models.conf in the editor, at a profile's section.

    The file is replaced only by a text that validates; until then you can edit again or discard.
    """
    from launcher.console.edit import ask_again
    from launcher.edges.editor import user_editor

    space = workspace(ctx)
    file = TextFile(space.conf)
    line = parse(file.read(), shown(space.conf)).section(profile).line if profile else 1
    made = edit_by_hand(
        file,
        line,
        start=partial(draft, space.state),
        editor=user_editor(),
        check=partial(_problems, space),
        again=ask_again(Console()),
        lock=_lock(space),
    )
    _show(space, made)


@click.command("set", cls=LauncherCommand)
@profile_argument()
@click.argument("settings", type=KeySetting("="), nargs=-1, required=True, metavar="KEY=VALUE...")
@click.pass_context
def set_(ctx: click.Context, profile: str, settings: tuple[str, ...]) -> None:
    """Set keys of a profile. '*' is the section of the defaults."""
    _change(ctx, partial(conf_edit.set_values, profile=profile, values=_pairs(settings)))


@click.command(cls=LauncherCommand)
@profile_argument()
@click.argument("keys", type=KeySetting(), nargs=-1, required=True, metavar="KEY...")
@click.pass_context
def unset(ctx: click.Context, profile: str, keys: tuple[str, ...]) -> None:
    """Remove keys from a profile; what they inherit counts again."""
    _change(ctx, partial(conf_edit.unset, profile=profile, keys=keys))


@click.command(cls=LauncherCommand)
@profile_argument("old")
@click.argument("new")
@click.pass_context
def copy(ctx: click.Context, old: str, new: str) -> None:
    """Copy a profile under a new name."""
    _change(ctx, partial(conf_edit.copy, old=old, new=new))


@click.command(cls=LauncherCommand)
@profile_argument("old")
@click.argument("new")
@click.pass_context
def rename(ctx: click.Context, old: str, new: str) -> None:
    """Rename a profile, also where others extend it."""
    _change(ctx, partial(conf_edit.rename, old=old, new=new))


@click.command(cls=LauncherCommand)
@profile_argument()
@click.pass_context
def retire(ctx: click.Context, profile: str) -> None:
    """Take a profile out of the list; it then starts only with --force."""
    _change(ctx, partial(conf_edit.set_values, profile=profile, values={"STATUS": "retired"}))


@click.command(cls=LauncherCommand)
@profile_argument()
@click.pass_context
def activate(ctx: click.Context, profile: str) -> None:
    """Put a retired profile back into the list."""
    _change(ctx, partial(conf_edit.activate, profile=profile))


@click.command(cls=LauncherCommand)
@profile_argument()
@click.pass_context
def remove(ctx: click.Context, profile: str) -> None:
    """Remove a profile that no other extends."""
    _change(ctx, partial(conf_edit.remove, profile=profile))


@click.command(cls=LauncherCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="The profile's name, instead of the file's.")
@click.pass_context
def add(ctx: click.Context, file: Path, name: str | None) -> None:
    """Start a profile from a GGUF file below the models folder.

    Its header gives the name and the context that the model was trained for. A sampler is not
    guessed: set SAMPLER to what the model's makers recommend.
    """
    from launcher.core.new_profile import profile_name, starting_values

    space = workspace(ctx)
    model = _below_models(space, file)
    values = starting_values(model, _look_at(space, model))
    _change(ctx, partial(conf_edit.add, profile=name or profile_name(model), values=values))


def _look_at(space: Workspace, model: str) -> "Architecture":
    from launcher.cli.headers import project_headers
    from launcher.edges.headers.types import tensor_types
    from launcher.workflow.headers import inspect

    return inspect(project_headers(space), model, tensor_types())


def _below_models(space: Workspace, file: Path) -> str:
    """The path below the models folder, of a path from there, from the current folder or absolute."""
    absolute = file.absolute() if file.exists() else space.models_dir / file
    try:
        return absolute.resolve().relative_to(space.models_dir.resolve()).as_posix()
    except ValueError:
        hint = "move it there, or pass --models-dir DIR"
        raise misuse(
            f"is not below the models folder {space.models_dir}", where=str(file), hint=hint
        ) from None


def _pairs(settings: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            hint = "launcher unset removes a key"
            raise misuse(f"expected KEY=VALUE, got {setting!r}", hint=hint)
        pairs[key.strip()] = value
    return pairs


def _change(ctx: click.Context, edit: Edit) -> None:
    space = workspace(ctx)
    _show(space, change_conf(space, edit))


def change_conf(space: Workspace, edit: Edit) -> Change:
    """Apply `edit` to the models.conf of a workspace; raises UsageError if it would not validate."""
    check = partial(_problems, space)
    return change(TextFile(space.conf), edit, check=check, lock=_lock(space), name=shown(space.conf))


def _problems(space: Workspace, text: str) -> list[Problem]:
    samplers, wrong = load_samplers(space)
    machines = tuple(_readable_machines(machines_dir(space)))
    return [*wrong, *validate(parse(text, shown(space.conf)), samplers, machines)]


def _readable_machines(folder: Path) -> Iterator[Machine]:
    """The saved machines; what is wrong with the file of another is not for models.conf to mend."""
    for path in sorted(folder.glob("*.yml")):
        with suppress(LauncherError):
            yield resolve_machine(path.stem, folder)


def _lock(space: Workspace) -> AbstractContextManager[None]:
    """Another lock than that of the server, so that the file can be changed while one starts."""
    return FileLock(space.state / "conf").hold("change of models.conf")


def _show(space: Workspace, made: Change) -> None:
    from launcher.console.edit import change_json, show_change

    show = change_json if space.json else show_change
    show(Console(), made, shown(space.conf))
