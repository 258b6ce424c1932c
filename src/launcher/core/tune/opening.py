"""What to try first: the things that the guide tells people to try by hand."""

from collections.abc import Iterator

from launcher.core.tune.candidate import BASE, CACHE_COST, UBATCH_COST, Candidate
from launcher.core.tune.task import Task
from launcher.core.units import MIB, mib_up

TARGET_STEPS = (128 * MIB, 512 * MIB, 1536 * MIB)
SMALLEST_UBATCH = 128


def opening(task: Task) -> list[Candidate]:
    """The profile as it is, and one change at a time. Keys on the command line stay as they are."""
    return [BASE, *_targets(task), *_gpus(task), *_ubatches(task), *_cache_types(task)]


def _targets(task: Task) -> Iterator[Candidate]:
    """FIT_TARGET from the headroom up: on the first GPU, on the last, on all."""
    if not task.margins or not task.settings.fit or task.settings.split_mode == "none":
        return
    if not task.may_set("FIT_TARGET"):
        return
    last = len(task.margins) - 1
    groups = {(0,), (last,), tuple(range(last + 1))}
    for step in TARGET_STEPS:
        for group in sorted(groups):
            targets = [m + step if i in group else m for i, m in enumerate(task.margins)]
            text = ",".join(str(mib_up(target)) for target in targets)
            yield Candidate(changes=(("FIT_TARGET", text),), about=f"FIT_TARGET={text}")


def _gpus(task: Task) -> Iterator[Candidate]:
    """Everything on one GPU: the first two, which are the fastest. And where the profile uses one
    GPU of several, all of them."""
    if len(task.margins) < 2 or not task.may_set("SPLIT_MODE", "MAIN_GPU", "FIT_TARGET"):
        return
    targets = [str(mib_up(margin)) for margin in task.margins]
    for index, target in enumerate(targets[:2]):
        alone = (("SPLIT_MODE", "none"), ("MAIN_GPU", str(index)), ("FIT_TARGET", target))
        yield Candidate(changes=alone, about=f"GPU {index} alone")
    if task.settings.split_mode == "none":
        split = (("SPLIT_MODE", "layer"), ("FIT_TARGET", ",".join(targets)))
        yield Candidate(changes=split, about="all GPUs")


def _ubatches(task: Task) -> Iterator[Candidate]:
    """Smaller micro-batches: less compute memory, a slower prompt."""
    for halvings in (1, 2):
        size = task.settings.n_ubatch >> halvings
        if size >= SMALLEST_UBATCH and task.may_set("UBATCH"):
            yield Candidate(
                changes=(("UBATCH", str(size)),), about=f"UBATCH={size}", cost=halvings * UBATCH_COST
            )


def _cache_types(task: Task) -> Iterator[Candidate]:
    for kind in task.cache_types:
        changes = (("CACHE_TYPE_K", kind), ("CACHE_TYPE_V", kind))
        if task.may_set("CACHE_TYPE_K", "CACHE_TYPE_V"):
            yield Candidate(changes=changes, about=f"{kind} KV cache", cost=CACHE_COST)
