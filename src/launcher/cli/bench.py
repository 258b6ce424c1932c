"""``launcher bench``: the speed of the running server."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from launcher.cli.options import LauncherCommand, profile_argument, workspace
from launcher.console import Console
from launcher.core.errors import misuse

if TYPE_CHECKING:
    from launcher.cli.world import LaunchSite
    from launcher.console.launch import Teller
    from launcher.core.bench import Bench, Ratio

REQUEST_SECONDS = 600.0
START_SECONDS = 1800.0

prompt_lengths_option = click.option(
    "--prompt-lengths", metavar="N,N,...", help="Tokens. Default: 512, 4096, near the context."
)
request_timeout_option = click.option(
    "--timeout",
    type=float,
    default=REQUEST_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long one prompt may take.",
)


@click.command(cls=LauncherCommand)
@profile_argument("profiles", nargs=-1)
@prompt_lengths_option
@click.option("--against", metavar="PROFILE", help="Compare with the speeds that were kept of it.")
@request_timeout_option
@click.pass_context
def bench(
    ctx: click.Context,
    profiles: tuple[str, ...],
    prompt_lengths: str | None,
    against: str | None,
    timeout: float,
) -> int:
    """Measure the speed of the running server, at short and long prompts, and its peak memory.

    The longest default prompt nearly fills the context: what only long prompts cost shows here. The
    speeds are kept with the evidence of the start. With two profiles, each is started in turn, and the
    second compared with the first; --against NAME compares with an earlier run, also of the same
    profile with other settings. The exit code is 1 when a prompt failed.
    """
    from launcher.cli.world import LaunchSite
    from launcher.console.bench import bench_json
    from launcher.console.launch import Teller
    from launcher.core.bench import ratios
    from launcher.workflow.bench import kept_speeds

    if len(profiles) > 2 or (against and len(profiles) > 1):
        raise misuse("expected one profile, or two to compare", where="launcher bench")
    console = Console()
    place = workspace(ctx)
    site = LaunchSite(place)
    lengths = lengths_of(prompt_lengths)
    with console.progress("measuring") as progress:
        teller = Teller(console, progress, yes=True)
        runs = [
            _run(site, name, lengths, timeout, teller, start=len(profiles) == 2)
            for name in profiles or (None,)
        ]
    last = runs[-1]
    before = runs[0].speeds if len(runs) == 2 else None
    if against:
        before = kept_speeds(site.evidence, against, besides=last.plan_hash)
    compared = None if before is None else ratios(before, last.speeds)
    if place.json:
        console.json(bench_json(runs, compared or ()))
    else:
        _show(console, runs, against or runs[0].profile, compared)
    return 1 if any(run.failure for run in runs) else 0


def lengths_of(text: str | None) -> tuple[int, ...]:
    """The numbers in ``--prompt-lengths``; raises UsageError for anything else."""
    try:
        lengths = tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError:
        lengths = (0,)
    if any(length < 1 for length in lengths):
        raise misuse(f"expected numbers of tokens, such as 512,4096, got {text!r}", where="--prompt-lengths")
    return lengths


def _run(
    site: "LaunchSite",
    profile: str | None,
    lengths: tuple[int, ...],
    timeout: float,
    teller: "Teller",
    *,
    start: bool,
) -> "Bench":
    from launcher.workflow.up import up

    if profile and start:
        up(site.world, site.preparation(profile, runtime=None, force=False), teller, timeout=START_SECONDS)
    return site.bencher(timeout).run(profile, lengths, teller)


def _show(console: Console, runs: Sequence["Bench"], before: str, compared: "Sequence[Ratio] | None") -> None:
    from launcher.console.bench import show_bench, show_ratios

    for run in runs:
        show_bench(console, run)
    if compared is not None:
        show_ratios(console, before, runs[-1].profile, compared)
