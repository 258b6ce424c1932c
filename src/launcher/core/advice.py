"""What would help, found by trying it: every suggestion was placed and judged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from launcher.core.assessment import Assessment, assess
from launcher.core.header import TensorTypes
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.quantise import smaller
from launcher.core.settings import Settings
from launcher.core.strategy import with_margins
from launcher.core.units import MIB, mib_up
from launcher.core.verdict import judge

CONTEXT_STEP = 256
MARGIN_STEP = 64 * MIB
USUAL_UBATCH = 512
SMALL_CACHE = "q8_0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A change of settings in words (``UBATCH=512``), and what comes of it."""

    change: str
    effect: str


Try = Callable[[Settings], Assessment]


def trial(model: Model, machine: Machine) -> Try:
    """A function that assesses settings for this model and machine."""
    return lambda settings: assess(settings, model, machine)


def remedy(found: Assessment, model: Model, machine: Machine) -> str | None:
    """The first single change with which a plan that doesn't hold would; None when none does."""
    attempt = trial(model, machine)
    for change, settings in _changes(found, machine):
        outcome = against(attempt(settings), found.choice.margins, model, machine)
        if outcome.holds:
            return f"{change} holds: {outcome.judgement.reason}"
    context = largest_context(found.settings, model, attempt, lambda outcome: outcome.holds)
    return f"CTX_SIZE={context} is the largest context that holds" if context else None


def against(outcome: Assessment, margins: tuple[int, ...], model: Model, machine: Machine) -> Assessment:
    """`outcome` judged by these margins instead of its own."""
    settings = outcome.choice.settings
    placement = with_margins(outcome.placement, margins, settings, machine)
    judgement = judge(placement, outcome.settings, model, outcome.host)
    choice = replace(outcome.choice, placement=placement, margins=margins)
    return replace(outcome, choice=choice, judgement=judgement)


def _changes(found: Assessment, machine: Machine) -> Iterator[tuple[str, Settings]]:
    settings = found.settings
    if found.placement.gave_up:
        free = replace(
            settings, n_gpu_layers=None, tensor_split=None, overrides=(), n_cpu_moe=0, cpu_moe=False
        )
        yield "leaving the placement to FIT (no N_GPU_LAYERS, TENSOR_SPLIT, overrides)", free
    if not settings.fit:
        yield "FIT=on", replace(settings, fit=True)
    if settings.flash_attention == "off":
        yield "FLASH_ATTN=on", replace(settings, flash_attention="on")
    if settings.n_ubatch > USUAL_UBATCH:
        yield f"UBATCH={USUAL_UBATCH}", replace(settings, n_ubatch=USUAL_UBATCH)
    yield from _margins(found)
    if len(machine.gpus) > 1 and settings.split_mode != "none":
        yield "SPLIT_MODE=none", replace(settings, split_mode="none", main_gpu=0)
    if settings.cache_type_k == settings.cache_type_v == "f16" and settings.flash_attention != "off":
        small = replace(settings, cache_type_k=SMALL_CACHE, cache_type_v=SMALL_CACHE)
        yield f"CACHE_TYPE_K={SMALL_CACHE} with CACHE_TYPE_V={SMALL_CACHE}", small


def _margins(found: Assessment) -> Iterator[tuple[str, Settings]]:
    """Larger margins where the engine's fit came out short: by what was missing, then by more."""
    short = {each.device: each.margin_missing for each in found.judgement.shortfalls}
    if not short or not found.settings.fit:
        return
    for factor in (1, 2):
        targets = tuple(
            -(-(margin + factor * short.get(line.name, 0)) // MARGIN_STEP) * MARGIN_STEP
            if line.name in short
            else margin
            for line, margin in zip(found.placement.fitted.gpus, found.choice.margins, strict=True)
        )
        text = ",".join(str(target // MIB) for target in targets)
        yield f"FIT_TARGET={text}", replace(found.settings, fit_target=targets)


def largest_context(
    settings: Settings, model: Model, attempt: Try, accept: Callable[[Assessment], bool]
) -> int | None:
    """The largest context (tokens, a multiple of 256) up to the trained one that `accept` takes."""
    low, high = 0, model.n_ctx_train // CONTEXT_STEP

    def accepted(steps: int) -> bool:
        return accept(attempt(replace(settings, n_ctx=steps * CONTEXT_STEP)))

    if high and accepted(high):
        return high * CONTEXT_STEP
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepted(middle) else (low, middle)
    return low * CONTEXT_STEP or None


def on_gpu(outcome: Assessment) -> bool:
    """All weights and the whole context on GPUs, margins kept."""
    return outcome.judgement.verdict == "fits"


def advise(settings: Settings, model: Model, machine: Machine, types: TensorTypes) -> tuple[Advice, ...]:
    """What would help a profile on a machine, and what its dearer settings cost."""
    found = assess(settings, model, machine)
    attempt = trial(model, machine)
    return (
        *_remedy_advice(found, model, machine),
        *_context_advice(found, model, attempt),
        *_cache_advice(found, attempt),
        *_ubatch_advice(found, attempt),
        *_quantisation_advice(found, model, machine, types),
    )


def _remedy_advice(found: Assessment, model: Model, machine: Machine) -> Iterator[Advice]:
    if found.judgement.verdict == "does-not-fit":
        text = remedy(found, model, machine)
        if text:
            yield Advice(change="one setting", effect=text)


def _context_advice(found: Assessment, model: Model, attempt: Try) -> Iterator[Advice]:
    largest = largest_context(found.settings, model, attempt, on_gpu)
    if largest is None:
        yield Advice(change="CTX_SIZE", effect="no context leaves all layers on the GPUs")
    elif largest != found.placement.n_ctx:
        yield Advice(change=f"CTX_SIZE={largest}", effect="is the largest with all layers on the GPUs")


def _cache_advice(found: Assessment, attempt: Try) -> Iterator[Advice]:
    settings = found.settings
    if settings.flash_attention == "off":
        return
    small = settings.cache_type_k == settings.cache_type_v == SMALL_CACHE
    other = "f16" if small else SMALL_CACHE
    outcome = attempt(replace(settings, cache_type_k=other, cache_type_v=other))
    yield Advice(change=f"CACHE_TYPE_K/V={other}", effect=_difference(found, outcome))


def _ubatch_advice(found: Assessment, attempt: Try) -> Iterator[Advice]:
    if found.settings.n_ubatch > USUAL_UBATCH:
        outcome = attempt(replace(found.settings, n_ubatch=USUAL_UBATCH))
        yield Advice(change=f"UBATCH={USUAL_UBATCH}", effect=_difference(found, outcome))


def _difference(found: Assessment, outcome: Assessment) -> str:
    """How the demand of context and compute changes before the fit, and the verdict."""
    before, after = (_working(each) for each in (found, outcome))
    change = mib_up(abs(after - before))
    words = "less" if after < before else "more"
    return f"{change:,} MiB {words} for context and compute: {outcome.judgement.verdict}"


def _working(each: Assessment) -> int:
    return sum(line.usage.context + line.usage.compute for line in each.placement.initial.gpus)


def _quantisation_advice(
    found: Assessment, model: Model, machine: Machine, types: TensorTypes
) -> Iterator[Advice]:
    """The largest smaller quantisation with which all lies on the GPUs."""
    if on_gpu(found) or not machine.gpus:
        return
    for name, header in smaller(model.header, types):
        outcome = assess(found.settings, Model.of(header), machine)
        if on_gpu(outcome):
            size = mib_up(header.file_bytes)
            yield Advice(
                change=f"a {name} file", effect=f"about {size:,} MiB (computed): all layers on the GPUs"
            )
            return
