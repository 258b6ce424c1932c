"""``launcher plan``: what would lie where, before anything is loaded."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.engine import engine_option
from launcher.cli.machines import all_machines, machine_for
from launcher.cli.options import LauncherCommand, Workspace, workspace
from launcher.console import Console
from launcher.core.errors import misuse

if TYPE_CHECKING:
    from launcher.core.machine import Machine
    from launcher.core.plan import Plan
    from launcher.workflow.planning import Planner

EXIT_DOES_NOT_FIT = 4


@click.command(cls=LauncherCommand)
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...")
@click.option("--ctx", "n_ctx", type=click.IntRange(min=0), metavar="N", help="Plan with this CTX_SIZE.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Plan with this setting.")
@click.option(
    "--max-context",
    "view",
    flag_value="max-context",
    help="Print the largest context with all layers on the GPUs.",
)
@click.option("--compare", "view", flag_value="compare", help="Show two profiles side by side.")
@click.option("--all", "view", flag_value="all", help="Show a matrix: profiles by machines.")
@click.option("--engine", "view", flag_value="engine", help="Take the figures from llama.cpp's own dry run.")
@engine_option()
@click.pass_context
def plan(
    ctx: click.Context,
    profiles: tuple[str, ...],
    n_ctx: int | None,
    changes: tuple[str, ...],
    view: str | None,
    engine_bin: Path | None,
) -> int:
    """Show what would lie on which device, and why.

    The exit code is 0 when the plan holds and 4 when it does not; with --all and --compare it is 0.
    """
    from launcher.cli.planning import open_planner
    from launcher.cli.project import load_project

    space = workspace(ctx)
    project = load_project(space)
    planner = open_planner(project, dict.fromkeys(profiles, _changes(changes, n_ctx)))
    if view == "all":
        return _show_matrix(space, planner, profiles or project.registry.names())
    wanted = 2 if view == "compare" else 1
    if len(profiles) != wanted:
        what = "expected two profiles" if wanted == 2 else "expected one PROFILE"
        raise misuse(what, where="launcher plan", hint="launcher list shows the profiles")
    views: dict[str, Callable[[Workspace, Planner, Sequence[str]], int]] = {
        "compare": _show_comparison,
        "max-context": _show_max_context,
        "engine": partial(_show_by_engine, engine_bin),
    }
    show = views.get(view or "", _show)
    return show(space, planner, profiles)


def _changes(words: Sequence[str], n_ctx: int | None) -> Mapping[str, str]:
    changes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise misuse(f"expected KEY=VALUE, got {word!r}", where="--set")
        changes[key] = value
    return changes if n_ctx is None else {**changes, "CTX_SIZE": str(n_ctx)}


def _show(space: Workspace, planner: "Planner", names: Sequence[str]) -> int:
    machine = machine_for(space)
    return _print(space, planner, machine, planner.plan(names[0], machine))


def _show_by_engine(
    engine_bin: Path | None, space: Workspace, planner: "Planner", names: Sequence[str]
) -> int:
    from launcher.cli.engine import open_engine

    machine = machine_for(space)
    profile = planner.subject(names[0], machine).profile
    with (
        open_engine(space, profile, machine, engine_bin) as engine,
        Console().progress("asking the engine"),
    ):
        found = planner.plan(names[0], machine, engine)
    return _print(space, planner, machine, found)


def _print(space: Workspace, planner: "Planner", machine: "Machine", found: "Plan") -> int:
    from launcher.console.plan import show_plan, show_plan_json
    from launcher.edges.headers.types import tensor_types

    if space.json:
        show_plan_json(Console(), found)
    else:
        show_plan(Console(), found, planner.advice(found.profile, machine, tensor_types()))
    return 0 if found.holds else EXIT_DOES_NOT_FIT


def _show_max_context(space: Workspace, planner: "Planner", names: Sequence[str]) -> int:
    from launcher.console.plan import show_max_context

    machine = machine_for(space)
    found = planner.max_context(names[0], machine)
    show_max_context(Console(), names[0], machine.name, found, as_json=space.json)
    return EXIT_DOES_NOT_FIT if found is None else 0


def _show_matrix(space: Workspace, planner: "Planner", names: Sequence[str]) -> int:
    from launcher.console.plan import show_matrix, show_plans_json

    plans = [planner.plan(name, machine) for name in names for machine in all_machines(space)]
    show = show_plans_json if space.json else show_matrix
    show(Console(), plans)
    return 0


def _show_comparison(space: Workspace, planner: "Planner", names: Sequence[str]) -> int:
    from launcher.console.plan import show_comparison, show_plans_json

    machine = machine_for(space)
    left, right = (planner.plan(name, machine) for name in names)
    if space.json:
        show_plans_json(Console(), [left, right])
    else:
        show_comparison(Console(), left, right)
    return 0
