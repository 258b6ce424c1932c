"""``launcher evidence``: what servers that ran showed, beside what was planned."""

import click

from launcher.cli.options import LauncherCommand, profile_argument, workspace
from launcher.console import Console


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
    from launcher.cli.world import evidence_file
    from launcher.console.evidence import evidence_json, show_evidence
    from launcher.edges.evidence import read_exports, write_export
    from launcher.workflow.evidence import exportable, select

    console = Console()
    space = workspace(ctx)
    folder = space.profiles / "evidence"
    kept = evidence_file(space).read()
    if export:
        machine = machine_for(space)
        path = write_export(folder, machine.name, exportable(kept, machine))
        console.note(f"wrote {shown(path)}")
        return
    named = machine_for(space) if space.machines else None
    records = select((*read_exports(folder), *kept), profile, named)
    if space.json:
        console.json(evidence_json(records))
    elif records:
        show_evidence(console, records)
    else:
        console.note("no evidence yet: launcher up PROFILE makes some")
