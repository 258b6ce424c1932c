"""The plan as text: dry run, golden file and log entry at once."""

from collections.abc import Iterator, Sequence

from launcher.core.ledger import DeviceLine, Ledger
from launcher.core.plan.values import Plan
from launcher.core.units import mib_down, mib_up

COLUMNS = ("MiB", "free", "margin", "model", "context", "compute", "left", "layers", "overflow")
BAR_WIDTH = 24
UNKNOWN = "-"
_SOURCES = {"estimate": "estimated", "engine": "by the engine's dry run", "measured": "measured"}


def render(plan: Plan) -> str:
    """The whole plan, without a line break at the end; demand is rounded up, supply down."""
    return "\n".join(_sections(plan))


def _sections(plan: Plan) -> Iterator[str]:
    yield f"{plan.profile} on {plan.machine}: {plan.verdict}"
    yield f"  {plan.reason}"
    yield ""
    yield f"model     {_model(plan)}"
    yield f"context   {_context(plan)}"
    yield f"strategy  {plan.strategy}"
    if plan.placed is not None:
        yield ""
        yield from _table(plan.placed)
    yield from _host(plan)
    yield from _graph(plan.placed)
    yield from _speed(plan)
    yield from _settings(plan)
    yield from _findings(plan)


def _model(plan: Plan) -> str:
    facts = plan.model
    if facts.architecture is None:
        return f"{facts.path or UNKNOWN} (no header)"
    words = [facts.architecture]
    if facts.layers is not None:
        words.append(f"{facts.layers} layers")
    if facts.experts:
        words.append(f"{facts.experts_used} of {facts.experts} experts")
    words.extend(facts.features)
    return f"{facts.path} ({', '.join(words)}; header: {facts.header})"


def _context(plan: Plan) -> str:
    return UNKNOWN if plan.n_ctx is None else f"{plan.n_ctx:,} tokens"


def _table(ledger: Ledger) -> Iterator[str]:
    rows = [[line.name, *_figures(line)] for line in ledger.devices]
    yield from _aligned([COLUMNS, *rows], [_bar(line) for line in ledger.devices])


def _figures(line: DeviceLine) -> Iterator[str]:
    yield _number(None if line.free is None else mib_down(line.free))
    yield _number(None if line.margin is None else mib_up(line.margin))
    yield _number(mib_up(line.usage.model))
    yield _number(mib_up(line.usage.context))
    yield _number(mib_up(line.usage.compute))
    yield _number(None if line.left is None else mib_down(line.left))
    yield _number(line.layers)
    yield _number(line.overflow_layers)


def _number(amount: int | None) -> str:
    return UNKNOWN if amount is None else f"{amount:,}"


def _aligned(rows: Sequence[Sequence[str]], bars: Sequence[str]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, bar in zip(rows, ("", *bars), strict=True):
        first, *numbers = row
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)),
        ]
        yield f"{'  '.join(cells)}  {bar}".rstrip()


def _bar(line: DeviceLine) -> str:
    """Parts of what is free: ``m`` model, ``c`` context, ``w`` compute, ``.`` left."""
    if not line.free:
        return ""
    parts = (("m", line.usage.model), ("c", line.usage.context), ("w", line.usage.compute))
    text, so_far = "", 0
    for letter, amount in parts:
        so_far += amount
        text = text.ljust(min(BAR_WIDTH, round(BAR_WIDTH * so_far / line.free)), letter)
    over = ">" if line.usage.total > line.free else ""
    return f"[{text.ljust(BAR_WIDTH, '.')}]{over}"


def _host(plan: Plan) -> Iterator[str]:
    host = plan.host
    if host is None:
        return
    parts = [f"{amount.name} {mib_up(amount.nbytes):,}" for amount in (*host.needed, *host.growing)]
    supply = "an unknown amount" if host.supply is None else f"{mib_down(host.supply):,}"
    yield ""
    whose = " of its container" if host.limited else ""
    yield f"host      {mib_up(host.total_bytes):,} of {supply} MiB{whose}: {', '.join(parts)}"
    if host.page_cache:
        yield f"          {mib_up(host.page_cache):,} MiB more pass through the page cache while loading"


def _graph(ledger: Ledger | None) -> Iterator[str]:
    if ledger is None or ledger.graph_splits is None:
        return
    splits = "1 split" if ledger.graph_splits == 1 else f"{ledger.graph_splits:,} splits"
    yield f"graph     {splits} for a prompt ({_SOURCES[ledger.source]})"


def _speed(plan: Plan) -> Iterator[str]:
    if plan.speed is None or plan.speed.generation is None:
        return
    prompt = "" if plan.speed.prompt is None else f", prompt about {plan.speed.prompt:,.0f}"
    yield f"speed     generation about {plan.speed.generation:,.0f} tokens/s{prompt} (estimated)"


def _settings(plan: Plan) -> Iterator[str]:
    yield ""
    yield "environment"
    for name, value in sorted(plan.environment.items()):
        yield f"  {name}={value}"
    if plan.command:
        yield f"command   {' '.join(plan.command)}"


def _findings(plan: Plan) -> Iterator[str]:
    if plan.findings:
        yield ""
    for finding in plan.findings:
        yield f"{finding.level} {finding.code}: {finding.message}"
        if finding.hint:
            yield f"  hint: {finding.hint}"
