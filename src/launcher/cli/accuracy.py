"""``launcher accuracy``: the estimate against recorded dry runs of the engine (for development)."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.options import Globals, LauncherCommand
from launcher.console import Console

if TYPE_CHECKING:
    from launcher.edges.engine import DirectEngine, DockerEngine
    from launcher.edges.oracle import OracleFolder

EXIT_NOT_KEPT = 1


@click.command(cls=LauncherCommand)
@click.option(
    "--oracle",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="LAUNCHER_ORACLE",
    default=Path("../shared/oracle"),
    show_default=True,
    metavar="DIR",
    help="The folder with the recorded dry runs.",
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the page, docs/accuracy.md.",
)
@click.option(
    "--engine-bin",
    type=click.Path(path_type=Path),
    envvar="LAUNCHER_ENGINE_BIN",
    metavar="PATH",
    help="Also ask this llama.cpp `llama` about each of them again.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("profiles/evidence"),
    show_default=True,
    metavar="DIR",
    help="The folder that tells what servers allocated.",
)
@click.pass_context
def accuracy(
    ctx: click.Context, oracle: Path, write: Path | None, engine_bin: Path | None, evidence: Path
) -> int:
    """Compare the estimate with recorded dry runs of the engine; exit 1 when a promise isn't kept.

    With --engine-bin also the engine itself: asked again, it has to say the same to the MiB. Beside both,
    the plans of servers that ran, and what those allocated.
    """
    from launcher.cli.engine import dry_runs_at_once
    from launcher.console.accuracy import accuracy_page, show_accuracy, show_accuracy_json
    from launcher.edges.evidence import read_exports
    from launcher.edges.files import write_atomic
    from launcher.edges.headers.types import tensor_types
    from launcher.edges.oracle import OracleFolder
    from launcher.workflow.accuracy import measure_accuracy

    folder = OracleFolder(oracle, tensor_types())
    with _engine(engine_bin) as engine, Console().progress("comparing"):
        report = measure_accuracy(
            folder, engine=engine, jobs=dry_runs_at_once(simulated=True), records=read_exports(evidence)
        )
    if write is not None:
        write_atomic(write, f"{accuracy_page(report).rstrip()}\n\n{speed_section(folder)}")
    show = show_accuracy_json if ctx.ensure_object(Globals).json else show_accuracy
    show(Console(), report)
    return 0 if report.kept else EXIT_NOT_KEPT


def _engine(binary: Path | None) -> "AbstractContextManager[DirectEngine | DockerEngine | None]":
    """The engine at a path, on simulated GPUs; None without a path."""
    if binary is None:
        return nullcontext()
    from launcher.cli.engine import simulated_engine

    return simulated_engine(binary)


def speed_section(folder: "OracleFolder") -> str:
    """The estimated speeds against those that were measured on the reference machine."""
    from launcher.cli.machines import resolve_machine
    from launcher.core.model import Model
    from launcher.core.speed_seeds import SEEDS, section

    models = {seed.header: Model.of(folder.header(seed.header)) for seed in SEEDS}
    return section(models, resolve_machine("desk", Path("profiles/machines")))
