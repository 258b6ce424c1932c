"""``launcher inspect`` and ``launcher snapshot``: look at a model's header, keep it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.options import Globals, LauncherCommand, ProfileName, workspace
from launcher.cli.project import load_project
from launcher.console import Console
from launcher.core.errors import failure
from launcher.core.snapshot import snapshot_name

if TYPE_CHECKING:
    from launcher.edges.headers import Headers

TARGET = "PROFILE|FILE|URL"
BY_URL = "name the URL of the GGUF file"


@click.command(cls=LauncherCommand)
@click.argument("target", metavar=TARGET, type=ProfileName())
@click.pass_context
def inspect(ctx: click.Context, target: str) -> None:
    """Tell what a model is, from its header alone.

    Kind, experts, layers, attention, quantisation, context, and what its KV cache costs. Of a URL
    only the header's bytes are fetched. A FILE is a path with a slash, or ends with .gguf.
    """
    from launcher.console.headers import show_architecture, show_architecture_json
    from launcher.edges.headers.types import tensor_types
    from launcher.workflow import headers

    found = headers.inspect(_headers(ctx, target), _model(ctx, target), tensor_types())
    show = show_architecture_json if ctx.ensure_object(Globals).json else show_architecture
    show(Console(), target, found)


@click.command(cls=LauncherCommand)
@click.argument("target", metavar=TARGET, type=ProfileName())
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it, instead of profiles/headers/.",
)
@click.pass_context
def snapshot(ctx: click.Context, target: str, output: Path | None) -> None:
    """Keep a model's header as a small GGUF file, so that it can be planned without its weights."""
    from launcher.console.headers import show_kept, show_kept_json
    from launcher.workflow import headers

    model = _model(ctx, target)
    path = output or workspace(ctx).profiles / "headers" / snapshot_name(model)
    kept = headers.snapshot(_headers(ctx, target), model, path)
    show = show_kept_json if ctx.ensure_object(Globals).json else show_kept
    show(Console(), kept)


def _is_direct(target: str) -> bool:
    """Whether `target` is a path or a URL, not the name of a profile."""
    return "/" in target or target.endswith(".gguf")


def _headers(ctx: click.Context, target: str) -> "Headers":
    """Where to look: in the project for a profile; a path or a URL needs no project."""
    from launcher.cli.headers import headers_here, project_headers

    return headers_here() if _is_direct(target) else project_headers(workspace(ctx))


def _model(ctx: click.Context, target: str) -> str:
    """The model that `target` names: a URL, an absolute path, or a path below the models folder."""
    if _is_direct(target):
        return target if "://" in target else str(Path(target).absolute())
    model = load_project(workspace(ctx)).profile(target, partial=True).model
    if model is None:
        raise failure("llama-server itself downloads the model: no file to read", where=target, hint=BY_URL)
    return model
