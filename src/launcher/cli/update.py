"""``launcher update``: newer images, tried before they are kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from launcher.cli.images import lock_file
from launcher.cli.options import LauncherCommand, Workspace, workspace
from launcher.cli.world import LaunchSite
from launcher.console import Console
from launcher.core.bench import Bench
from launcher.core.images import Lock, wanted_image
from launcher.core.launch import Launch

if TYPE_CHECKING:
    from launcher.console.launch import Teller
    from launcher.workflow.update import Candidate

START_SECONDS = 1800.0
PROMPT_SECONDS = 600.0


@click.command(cls=LauncherCommand)
@click.option("--rollback", is_flag=True, help="Go back to the images before the last update.")
@click.pass_context
def update(ctx: click.Context, rollback: bool) -> int:
    """Get newer images, and keep them once they have answered long prompts.

    What the profiles' images stand for in their registry today is downloaded, and one profile of each
    architecture whose model is here and which fits is started from it and given prompts up to the length
    of its context. If all go well, the images are pinned by digest in images.lock, and the ones before
    kept as fallback. Otherwise nothing changes, and the exit code is 1. What ran before runs afterwards.
    """
    from launcher.console.launch import Teller
    from launcher.console.update import lock_json, show_lock, show_update, update_json
    from launcher.workflow.update import Updater

    console = Console()
    space = workspace(ctx)
    site = LaunchSite(space)
    with console.progress("updating") as progress:
        teller = Teller(console, progress, yes=True)
        updater = Updater(images=site.engine, store=lock_file(space), tryout=SiteTryout(space, teller))
        if rollback:
            lock = updater.rollback()
            console.json(lock_json(lock)) if space.json else show_lock(console, lock)
            return 0
        found = updater.update(tuple(_candidates(site)), teller)
    console.json(update_json(found)) if space.json else show_update(console, found)
    return 0 if found.kept else 1


@dataclass(frozen=True, slots=True)
class SiteTryout:
    """Starts profiles of a project folder as `up` does."""

    space: Workspace
    teller: "Teller"

    def running(self) -> Launch | None:
        return LaunchSite(self.space).world.journal.read().active

    def measure(self, profile: str, lock: Lock) -> Bench:
        from launcher.workflow.up import up

        site = LaunchSite(self.space, lock=lock)
        prepare = site.preparation(profile, runtime=None, force=False)
        up(site.world, prepare, self.teller, timeout=START_SECONDS)
        return site.bencher(PROMPT_SECONDS).run(profile, (), self.teller)

    def settle(self, launch: Launch | None, lock: Lock) -> None:
        from launcher.workflow.up import down, up

        site = LaunchSite(self.space, lock=lock)
        if launch is None:
            down(site.world, self.teller)
            return
        rendered = launch.rendered
        prepare = site.preparation(rendered.profile, runtime=rendered.runtime, force=True)
        up(site.world, prepare, self.teller, timeout=START_SECONDS)


def _candidates(site: LaunchSite) -> "Iterator[Candidate]":
    """The active profiles that are started from an image, as they would be planned on a free machine."""
    from launcher.workflow.update import Candidate

    active = site.world.journal.read().active
    for name in site.project.registry.names():
        prepared = site.prepared(name, active.free if active else {})
        image = wanted_image(prepared.profile, prepared.machine)
        if image is not None:
            yield Candidate(
                profile=name,
                image=image,
                architecture=prepared.plan.model.architecture,
                here=prepared.plan.model.header == "file",
                holds=prepared.plan.holds,
            )
