"""``launcher evidence``: what servers that ran showed, beside what was planned."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launcher.cli.options import LauncherCommand, Workspace, profile_argument, workspace
from launcher.console import Console

if TYPE_CHECKING:
    from launcher.core.evidence import Evidence
    from launcher.edges.evidence import EvidenceFile


@click.command(cls=LauncherCommand)
@profile_argument(required=False)
@click.option("--export", is_flag=True, help="Write what this machine learned to profiles/evidence.")
@click.pass_context
def evidence(ctx: click.Context, profile: str | None, export: bool) -> None:
    """Lay estimate, engine and measurement of past starts side by side.

    Every start leaves a record, also one that failed. A difference above 3 % or 256 MiB is a finding.
    --export writes the records of this machine, or of the one that --machine names, to
    profiles/evidence/MACHINE.json, for `launcher check` elsewhere.
    """
    from launcher.cli.machines import machine_for
    from launcher.cli.project import shown
    from launcher.console.evidence import evidence_json, show_evidence
    from launcher.edges.evidence import write_export
    from launcher.edges.files import write_atomic
    from launcher.workflow.evidence import exportable, select

    console = Console()
    space = workspace(ctx)
    if export:
        machine = machine_for(space)
        records = exportable(evidence_file(space).read(), machine)
        path = write_export(exports_dir(space), machine.name, records, write_atomic)
        console.note(f"wrote {shown(path)}")
        return
    named = machine_for(space) if space.machines else None
    records = select(all_evidence(space), profile, named)
    if space.json:
        console.json(evidence_json(records))
    elif records:
        show_evidence(console, records)
    else:
        console.note("no evidence yet: launcher up PROFILE makes some")


def all_evidence(space: Workspace) -> "tuple[Evidence, ...]":
    """What machines elsewhere learned, then what this folder's own servers showed."""
    from launcher.edges.evidence import read_exports

    return (*read_exports(exports_dir(space)), *evidence_file(space).read())


def evidence_file(space: Workspace) -> "EvidenceFile":
    """What the servers of a project folder showed."""
    from launcher.edges.evidence import EvidenceFile

    return EvidenceFile(space.state / "evidence.jsonl")


def exports_dir(space: Workspace) -> Path:
    return space.profiles / "evidence"
