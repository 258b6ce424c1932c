"""What would help, found by trying it: every suggestion was placed and judged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from launcher.core.assessment import Assessment, assess
from launcher.core.header import TensorTypes
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.quantise import smaller
from launcher.core.settings import Settings
from launcher.core.strategy import fit_targets, weights_on_gpu
from launcher.core.units import MIB, mib_up, pad

CONTEXT_STEP = 256
COARSE_STEP = 4096
SMALLEST_CONTEXT = 8192
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
    if _hopeless(model, machine):
        return None
    attempt = trial(model, machine)
    for change, settings in _changes(found, machine):
        outcome = attempt(settings)
        if outcome.holds:
            return f"{change} holds: {outcome.judgement.reason}"
    return None


def _hopeless(model: Model, machine: Machine) -> bool:
    """The weights alone are more than all memory."""
    host = machine.host_supply
    weights = sum(tensor.nbytes for tensor in model.header.tensors)
    return host is not None and weights > host + sum(gpu.free for gpu in machine.gpus)


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
    yield from _margins(found, machine)
    if len(machine.gpus) > 1 and settings.split_mode != "none":
        yield "SPLIT_MODE=none", replace(settings, split_mode="none", main_gpu=0)
    if settings.cache_type_k == settings.cache_type_v == "f16" and settings.flash_attention != "off":
        small = replace(settings, cache_type_k=SMALL_CACHE, cache_type_v=SMALL_CACHE)
        yield f"CACHE_TYPE_K={SMALL_CACHE} with CACHE_TYPE_V={SMALL_CACHE}", small
    n_ctx = settings.n_ctx // 2
    while n_ctx >= SMALLEST_CONTEXT:
        yield f"CTX_SIZE={n_ctx}", replace(settings, n_ctx=n_ctx)
        n_ctx //= 2


def _margins(found: Assessment, machine: Machine) -> Iterator[tuple[str, Settings]]:
    """Larger margins where the engine's fit came out short: by what was missing, then by more."""
    short = {each.device: each.margin_missing for each in found.judgement.shortfalls}
    if not short or not found.settings.fit:
        return
    now = fit_targets(found.settings, machine)
    for factor in (1, 2):
        targets = tuple(
            target + pad(factor * short.get(line.name, 0), MARGIN_STEP)
            for line, target in zip(found.placement.fitted.gpus, now, strict=True)
        )
        text = ",".join(str(target // MIB) for target in targets)
        yield f"FIT_TARGET={text}", replace(found.settings, fit_target=targets)


def largest_context(
    settings: Settings, model: Model, attempt: Try, *, step: int = CONTEXT_STEP
) -> int | None:
    """The largest context up to the trained one with all layers on the GPUs, to `step` tokens.

    None when there is none.
    """
    low, high = 0, model.n_ctx_train // step

    def accepted(steps: int) -> bool:
        return on_gpu(attempt(replace(settings, n_ctx=steps * step)))

    if high and accepted(high):
        return high * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepted(middle) else (low, middle)
    return low * step or None


def on_gpu(outcome: Assessment) -> bool:
    """All weights and the whole context on GPUs, margins kept."""
    return outcome.judgement.verdict == "fits"


def advise(found: Assessment, model: Model, machine: Machine, types: TensorTypes) -> tuple[Advice, ...]:
    """What would help a profile on a machine, and what its dearer settings cost."""
    attempt = trial(model, machine)
    return (
        *_context_advice(found, model, machine, attempt),
        *_cache_advice(found, attempt),
        *_ubatch_advice(found, attempt),
        *_quantisation_advice(found, model, machine, types),
    )


def _context_advice(found: Assessment, model: Model, machine: Machine, attempt: Try) -> Iterator[Advice]:
    """Only where the context that is asked for doesn't fit on the GPUs."""
    if on_gpu(found) or not machine.gpus:
        return
    fits = sum(gpu.free for gpu in machine.gpus) > weights_on_gpu(model)
    largest = largest_context(found.settings, model, attempt, step=COARSE_STEP) if fits else None
    if largest is None:
        yield Advice(change="CTX_SIZE", effect="no context leaves all layers on the GPUs")
    else:
        yield Advice(change=f"CTX_SIZE={largest}", effect="leaves all layers on the GPUs")


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
    """On all GPUs; without any, on the host."""
    ledger = each.placement.initial
    return sum(line.usage.context + line.usage.compute for line in ledger.gpus or (ledger.host,))


def _quantisation_advice(
    found: Assessment, model: Model, machine: Machine, types: TensorTypes
) -> Iterator[Advice]:
    """The largest smaller quantisation with which all lies on the GPUs."""
    if on_gpu(found) or not machine.gpus:
        return
    free = sum(gpu.free for gpu in machine.gpus)
    for name, header in smaller(model.header, types):
        shrunk = Model.of(header)
        if weights_on_gpu(shrunk) < free and on_gpu(assess(found.settings, shrunk, machine)):
            size = mib_up(header.file_bytes)
            yield Advice(change=f"a {name} file", effect=f"about {size:,} MiB (computed): all on the GPUs")
            return
