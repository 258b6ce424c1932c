"""``launcher inspect`` and ``launcher snapshot``: look at a model's header, keep it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.options import Globals, LauncherCommand, workspace
from launcher.console import Console

if TYPE_CHECKING:
    from launcher.edges.headers import Headers


@click.command(cls=LauncherCommand)
@click.argument("target", metavar="FILE|URL")
@click.pass_context
def inspect(ctx: click.Context, target: str) -> None:
    """Tell what a model is, from its header alone.

    Kind, experts, layers, attention, quantisation, context, and what its KV cache costs. Of a URL
    only the header's bytes are fetched.
    """
    from launcher.console.headers import show_architecture, show_architecture_json
    from launcher.edges.headers.types import tensor_types
    from launcher.workflow import headers

    found = headers.inspect(_headers(Path.cwd()), _located(target), tensor_types())
    show = show_architecture_json if ctx.ensure_object(Globals).json else show_architecture
    show(Console(), target, found)


@click.command(cls=LauncherCommand)
@click.argument("target", metavar="FILE|URL")
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

    store = _headers(workspace(ctx).root if output is None else Path.cwd())
    kept = headers.snapshot(store, _located(target), output)
    show = show_kept_json if ctx.ensure_object(Globals).json else show_kept
    show(Console(), kept)


def _headers(root: Path) -> "Headers":
    from launcher.edges.headers import open_headers

    return open_headers(models=root / "models", snapshots=root / "profiles" / "headers")


def _located(target: str) -> str:
    """A URL as it is, a file by its absolute path."""
    return target if "://" in target else str(Path(target).absolute())
