"""``launcher up`` and its kin: start, stop and watch the project's server."""

import click

from launcher.cli.options import LauncherCommand, profile_argument, workspace
from launcher.console import Console
from launcher.core.profiles import RuntimeName

TIMEOUT_SECONDS = 1800.0
ANSWER_TOKENS = 256

timeout_option = click.option(
    "--timeout",
    type=float,
    default=TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until the server answers.",
)


@click.command(cls=LauncherCommand)
@profile_argument()
@click.option("--runtime", type=click.Choice(["compose", "embedded"]), help="Run it there instead.")
@click.option("-y", "--yes", is_flag=True, help="Switch from a running profile without asking.")
@click.option("--force", is_flag=True, help="Start a retired profile, or one that does not fit.")
@click.option("--ask", metavar="QUESTION", help="Ask the server this once it answers.")
@timeout_option
@click.pass_context
def up(
    ctx: click.Context,
    profile: str,
    runtime: RuntimeName | None,
    yes: bool,
    force: bool,
    ask: str | None,
    timeout: float,
) -> None:
    """Start PROFILE and come back when it answers.

    Another profile that runs is stopped first, and brought back when this one does not become
    healthy. All that can be refused is refused before that.
    """
    from launcher.cli.world import LaunchSite
    from launcher.console.launch import Teller, show_answer, show_started, started_json
    from launcher.workflow.up import up as bring_up

    console = Console()
    place = workspace(ctx)
    with console.progress(f"planning {profile}") as progress:
        site = LaunchSite(place, progress.say)
        preparation = site.preparation(profile, runtime=runtime, force=force)
        outcome = bring_up(site.world, preparation, Teller(console, progress, yes=yes), timeout=timeout)
    if not place.json:
        show_started(console, outcome, preparation.last)
    url = outcome.instance.url
    answer = site.server(profile).ask(url, ask, max_tokens=ANSWER_TOKENS) if ask else None
    if place.json:
        console.json(started_json(outcome, preparation.last, answer))
    elif ask and answer:
        show_answer(console, ask, answer)


@click.command(cls=LauncherCommand)
@click.pass_context
def down(ctx: click.Context) -> None:
    """Stop the project's server."""
    from launcher.cli.world import LaunchSite
    from launcher.console.launch import Teller
    from launcher.workflow.up import down as bring_down

    console = Console()
    with console.progress("stopping") as progress:
        stopped = bring_down(LaunchSite(workspace(ctx)).world, Teller(console, progress, yes=True))
    console.note(f"{stopped.profile} is down" if stopped else "nothing was running")


@click.command(cls=LauncherCommand)
@timeout_option
@click.pass_context
def restart(ctx: click.Context, timeout: float) -> None:
    """Start the project's server again, just as it was started."""
    from launcher.cli.world import LaunchSite
    from launcher.console.launch import Teller, show_started, started_json
    from launcher.workflow.up import restart as start_again

    console = Console()
    place = workspace(ctx)
    with console.progress("restarting") as progress:
        outcome = start_again(LaunchSite(place).world, Teller(console, progress, yes=True), timeout=timeout)
    if place.json:
        console.json(started_json(outcome, None, None))
    else:
        show_started(console, outcome, None)


@click.command(cls=LauncherCommand)
@click.pass_context
def status(ctx: click.Context) -> int:
    """Tell what runs, and whether it is what models.conf would start now.

    Exit code 0 when it runs as planned, 1 otherwise.
    """
    from launcher.cli.world import LaunchSite
    from launcher.console.launch import show_status, status_json
    from launcher.workflow.status import status as observe

    console = Console()
    place = workspace(ctx)
    project = LaunchSite(place)
    seen = observe(project.world, project.planned, default_port=project.default_port)
    if place.json:
        console.json(status_json(seen))
    else:
        show_status(console, seen)
    return 0 if seen.as_planned else 1


@click.command(cls=LauncherCommand)
@click.option("-f", "--follow", is_flag=True, help="Go on until the server ends.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.pass_context
def logs(ctx: click.Context, follow: bool, tail: int | None) -> None:
    """Show the server's log."""
    from launcher.cli.world import LaunchSite
    from launcher.workflow.servers import logs as read_logs

    console = Console()
    for line in read_logs(LaunchSite(workspace(ctx)).world, follow=follow, tail=tail):
        console.data(line)
