"""From a profile to what a runtime starts: plan it on this machine, refuse what can't work, render."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from launcher.core.errors import LauncherError, Problem
from launcher.core.machine import Gpu, Machine
from launcher.core.plan import Plan
from launcher.core.profiles import Profile
from launcher.core.render import Rendered, Site, render
from launcher.workflow.planning import Models, plan_profile


class DoesNotFitError(LauncherError):
    """The plan says that the profile does not fit this machine."""

    exit_code: ClassVar[int] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan and the files that make it happen: `up` is this and one more step.

    profile: with the environment of the plan. machine: with the GPUs that the server will see.
    """

    profile: Profile
    machine: Machine
    plan: Plan
    rendered: Rendered


def prepare(profile: Profile, models: Models, machine: Machine, site: Site, *, force: bool) -> Prepared:
    """Plan and render `profile`.

    Raises UsageError for a retired profile and DoesNotFitError,
    both of which `force` overrides.
    """
    if profile.status == "retired" and not force:
        raise LauncherError(
            Problem(
                where=f"[{profile.name}]",
                what="is retired",
                hint="launcher activate brings it back; launcher up --force starts it all the same",
            )
        )
    plan = plan_profile(profile, models, machine)
    if plan.verdict == "does-not-fit" and not force:
        raise DoesNotFitError(
            Problem(
                where=f"[{profile.name}]",
                what=f"does not fit: {plan.reason}",
                hint="launcher plan shows where; launcher up --force starts it all the same",
            )
        )
    planned = replace(profile, environment=plan.environment)
    rendered = render(planned, site, gpus=machine.gpus)
    return Prepared(profile=planned, machine=machine, plan=plan, rendered=rendered)


def assuming_free(machine: Machine, free: Mapping[str, int]) -> Machine:
    """`machine` with at least the given free bytes by GPU: what will be there once the old server is gone."""
    return replace(machine, gpus=tuple(_freed(gpu, free) for gpu in machine.gpus))


def _freed(gpu: Gpu, free: Mapping[str, int]) -> Gpu:
    return replace(gpu, free=max(gpu.free, free.get(gpu.key, 0)))
