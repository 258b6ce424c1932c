"""What to try next to a trial: its layout with one thing changed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from launcher.core.tune.candidate import UBATCH_COST, Candidate
from launcher.core.tune.layout import KEYS, Layout
from launcher.core.tune.task import Task
from launcher.core.tune.trials import Trial

SMALLEST_UBATCH = 32

Change = tuple[Layout | None, str]


def neighbours(trial: Trial) -> list[Candidate]:
    """Candidates near `trial`, the most promising first: relief for the GPUs that miss their
    margin; else what brings weights back from the host, or onto faster GPUs."""
    task, layout = trial.task, trial.layout
    found = list(_smaller_batches(trial)) if trial.missing else []
    if layout is None or not task.may_set(*KEYS, "CTX_SIZE"):
        return found
    changes = _relief(trial, layout) if trial.missing else _gains(trial, layout)
    return [
        *(_candidate(trial, made, about) for made, about in _unpiped(changes) if made not in (None, layout)),
        *found,
    ]


def _unpiped(changes: Iterator[Change]) -> Iterator[Change]:
    """Each change, and the same without pipeline parallelism where it would turn that on: four
    copies of the graph's inputs on each GPU are not worth much to a single user."""
    for made, about in changes:
        yield made, about
        if made is not None and made.is_piped:
            yield replace(made, unpiped=True), f"{about}, no pipeline parallelism"


def _candidate(trial: Trial, layout: Layout | None, about: str) -> Candidate:
    assert layout is not None
    own = {key: value for key, value in trial.candidate.changes if key not in (*KEYS, "FIT_TARGET")}
    context = {} if trial.task.settings.n_ctx else {"CTX_SIZE": str(trial.n_ctx)}
    changes = {**own, **context, **layout.environment()}
    return Candidate(
        changes=tuple(changes.items()),
        about=f"{about}: {layout}",
        layout=layout,
        cost=trial.candidate.cost,
    )


def _smaller_batches(trial: Trial) -> Iterator[Candidate]:
    """Half the micro-batch: with the fit, and with the layout as it is."""
    size = int(dict(trial.candidate.changes).get("UBATCH") or trial.task.settings.n_ubatch) // 2
    if size < SMALLEST_UBATCH or not trial.task.may_set("UBATCH"):
        return
    bases = [trial.candidate]
    if trial.layout and trial.task.may_set(*KEYS, "CTX_SIZE"):
        bases.append(_candidate(trial, trial.layout, f"UBATCH={size}"))
    for base in bases:
        changes = {**dict(base.changes), "UBATCH": str(size)}
        about = f"UBATCH={size}: {trial.layout}" if base.layout else f"UBATCH={size}"
        cost = trial.candidate.cost + UBATCH_COST
        yield replace(base, changes=tuple(changes.items()), about=about, cost=cost)


def _relief(trial: Trial, layout: Layout) -> Iterator[Change]:
    """What takes memory from the GPUs that miss their margin."""
    if layout.is_piped:
        yield replace(layout, unpiped=True), "no pipeline parallelism"
    slack = trial.slack
    short = min(range(len(slack)), key=slack.__getitem__)
    roomy = max(range(len(slack)), key=slack.__getitem__)
    for count in _counts(-slack[short], trial.task.layer_bytes(layout.on_device(short))):
        if short != roomy:
            yield layout.shifted(short, roomy, count), f"{_layers(count)} from GPU {short} to {roomy}"
    yield from _lightened(trial.task, layout, short, -slack[short])
    for count in _counts(-slack[short], trial.task.layer_bytes(layout.on_device(short))):
        yield layout.resized(short, -count), f"{_layers(count)} fewer on GPU {short}"


def _gains(trial: Trial, layout: Layout) -> Iterator[Change]:
    """What uses the memory that is left."""
    slack = trial.slack
    if layout.partial:
        yield layout.without_partial(), "whole layers only"
    for device in sorted(range(len(slack)), key=slack.__getitem__, reverse=True):
        if layout.first > 0:
            yield from _layers_home(trial, layout, device)
            for count in (layout.first, *_counts(slack[device], trial.task.layer_bytes(range(layout.first)))):
                yield layout.resized(device, min(count, layout.first)), f"more layers on GPU {device}"
        yield from _refilled(trial, layout, device)
        inside = [layer for layer in layout.on_device(device) if layer in layout.offloaded - layout.emptied]
        for count in _counts(slack[device], trial.task.expert_bytes(inside)):
            if inside:
                yield layout.with_experts_home(inside[:count]), f"experts of {_layers(count)} on GPU {device}"
    for device in range(1, len(slack)):
        for count in (1, 2):
            yield layout.shifted(device, device - 1, count), f"{_layers(count)} to GPU {device - 1}"
            yield layout.shifted(device - 1, device, count), f"{_layers(count)} to GPU {device}"


def _layers_home(trial: Trial, layout: Layout, device: int) -> Iterator[Change]:
    """The host's whole layers on a GPU with their cache, paid for with weights: a fit of a model with
    MTP blocks leaves its first layers on the host, as it counts fewer layers than the loader does."""
    home = layout.resized(device, layout.first)
    if home is not None:
        each = trial.task.layer_bytes(range(layout.first)) + trial.cache_per_layer
        for made, about in _lightened(trial.task, home, device, layout.first * each - trial.slack[device]):
            yield made, f"all layers on GPUs, {about}"


def _lightened(task: Task, layout: Layout, device: int, amount: int) -> Iterator[Change]:
    """About `amount` bytes of a GPU's weights on the host: experts of the last layers, and where all
    experts are not enough, the last layers but for their cache."""
    inside = [layer for layer in layout.on_device(device) if layer in task.experts - layout.offloaded]
    each = task.expert_bytes(inside)
    for count in _counts(amount, each):
        if count <= len(inside):
            yield layout.with_experts_on_host(inside[-count:]), f"experts of {count} more on the host"
    if task.experts and amount > each * len(inside):
        bare = layout.with_experts_on_host(inside)
        yield from _emptied(task, bare, device, amount - each * len(inside))


def _emptied(task: Task, layout: Layout, device: int, amount: int) -> Iterator[Change]:
    """`amount` bytes of whole layers on the host, their cache left: the last first, the output layer
    after them, layer 0 never."""
    full = [layer for layer in layout.on_device(device) if layer not in (0, *layout.emptied)][::-1]
    sizes = [task.rest_bytes(layer) for layer in full]
    output = layout.total - 1
    if device == len(layout.counts) - 1 and task.output_bytes and output not in layout.emptied:
        full, sizes = [*full, output], [*sizes, task.output_bytes]
    enough = sum(total < amount for total in accumulate(sizes)) + 1
    for count in (enough, enough + 1):
        if count <= len(full):
            yield layout.with_emptied(full[:count]), f"all weights of {count} more on the host"


def _refilled(trial: Trial, layout: Layout, device: int) -> Iterator[Change]:
    """What fits of the layers that have only their cache on a GPU."""
    inside = [layer for layer in layout.on_device(device) if layer in layout.emptied]
    totals = accumulate(trial.task.rest_bytes(layer) for layer in inside)
    count = sum(total <= trial.slack[device] for total in totals)
    if count:
        yield layout.with_refilled(inside[:count]), f"all weights of {count} back on GPU {device}"


def _counts(amount: int, each: int) -> tuple[int, ...]:
    """How many parts of `each` bytes make up about `amount`: as many, one more, one less."""
    if each <= 0:
        return ()
    near = max(1, -(-amount // each))
    return tuple(dict.fromkeys((near, near + 1, max(1, near - 1))))


def _layers(count: int, which: str = "") -> str:
    return f"{count} {which}layer{'s' if count > 1 else ''}"
