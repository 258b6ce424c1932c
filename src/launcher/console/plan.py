"""Plans on the terminal."""

from collections.abc import Iterator, Sequence

from launcher.console import Console, table
from launcher.core.advice import Advice
from launcher.core.plan import Plan
from launcher.core.plan.contract import to_json
from launcher.core.units import mib_up

UNKNOWN = "-"

STYLES = {
    r"(?m)^.* on .*: fits$": "bold green",
    r"(?m)^.* on .*: fits-with-[a-z-]+$": "bold yellow",
    r"(?m)^.* on .*: (does-not-fit|unknown)$": "bold red",
    r"(?m)^(model|context|strategy|MiB|host|speed|environment|command)\b": "bold",
    r"(?<=\[)m+": "blue",
    r"(?<=[m\[])c+(?=[w.\]])": "cyan",
    r"(?<=[mc\[])w+(?=[.\]])": "magenta",
    r"(?m)^error L\d+": "bold red",
    r"(?m)^warning L\d+": "bold yellow",
    r"(?m)^  hint: .*": "dim",
}


def show_plan(console: Console, plan: Plan, advice: Sequence[Advice]) -> None:
    """The ledger and what would help."""
    console.styled(str(plan), STYLES)
    if advice:
        console.data("\nwhat would help")
    for each in advice:
        console.data(f"  {each.change}: {each.effect}")


def show_plan_json(console: Console, plan: Plan) -> None:
    """The contract ``launcher.plan/1``."""
    console.json(to_json(plan))


def show_matrix(console: Console, plans: Sequence[Plan]) -> None:
    """Profiles down, machines across, a verdict in each cell."""
    machines = list(dict.fromkeys(plan.machine for plan in plans))
    verdicts = {(plan.profile, plan.machine): plan.verdict for plan in plans}
    rows = table("profile", *machines)
    for profile in dict.fromkeys(plan.profile for plan in plans):
        rows.add_row(profile, *(verdicts.get((profile, machine), "") for machine in machines))
    console.show(rows)


def show_plans_json(console: Console, plans: Sequence[Plan]) -> None:
    """Several plans as a list."""
    console.json({"schema": "launcher.plans/1", "plans": [to_json(plan) for plan in plans]})


def show_max_context(
    console: Console, profile: str, machine: str, n_ctx: int | None, *, as_json: bool
) -> None:
    """The number alone on stdout, for scripts."""
    if as_json:
        console.json({"profile": profile, "machine": machine, "max_context": n_ctx})
    elif n_ctx is None:
        console.note(f"{profile} on {machine}: no context leaves all layers on the GPUs")
    else:
        console.data(str(n_ctx))


def show_comparison(console: Console, left: Plan, right: Plan) -> None:
    """Two plans side by side, line by line; a star marks the rows that differ."""
    rows = table("", "", left.profile, right.profile)
    for label, one, other in _comparison(left, right):
        rows.add_row("*" if one != other else "", label, one, other)
    console.show(rows)


def _comparison(left: Plan, right: Plan) -> Iterator[tuple[str, str, str]]:
    rows = (
        ("model", _model),
        ("verdict", lambda plan: plan.verdict),
        ("reason", lambda plan: plan.reason),
        ("strategy", lambda plan: plan.strategy),
        ("context", lambda plan: _count(plan.n_ctx)),
        ("generation, tokens/s", lambda plan: _rate(plan.speed.generation if plan.speed else None)),
        ("prompt, tokens/s", lambda plan: _rate(plan.speed.prompt if plan.speed else None)),
        ("host memory, MiB", lambda plan: _mib(plan.host.total_bytes if plan.host else None)),
    )
    for label, cell in rows:
        yield label, cell(left), cell(right)
    yield from _ledgers(left, right)
    yield from _environments(left, right)


def _ledgers(left: Plan, right: Plan) -> Iterator[tuple[str, str, str]]:
    """Model, context and compute in MiB on each device."""
    ledgers = [
        {line.name: line for line in plan.placed.devices} if plan.placed else {} for plan in (left, right)
    ]
    for name in dict.fromkeys(name for ledger in ledgers for name in ledger):
        for part in ("model", "context", "compute"):
            one, other = (
                _mib(getattr(ledger[name].usage, part)) if name in ledger else "" for ledger in ledgers
            )
            yield f"{name} {part}, MiB", one, other


def _environments(left: Plan, right: Plan) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*left.environment, *right.environment}):
        one, other = left.environment.get(name, ""), right.environment.get(name, "")
        if one != other:
            yield name, one, other


def _model(plan: Plan) -> str:
    return plan.model.path or UNKNOWN


def _count(amount: int | None) -> str:
    return UNKNOWN if amount is None else f"{amount:,}"


def _rate(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{rate:,.0f}"


def _mib(amount: int | None) -> str:
    return UNKNOWN if amount is None else f"{mib_up(amount):,}"
