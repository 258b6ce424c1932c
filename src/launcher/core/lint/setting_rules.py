"""Rules about settings that cost memory or keep llama.cpp's fit from working."""

from collections.abc import Iterator
from dataclasses import replace

from launcher.core.advice import USUAL_UBATCH, on_gpu
from launcher.core.findings import Finding
from launcher.core.ledger import Ledger
from launcher.core.lint.case import Case, Rule
from launcher.core.units import mib_down, mib_up

HOST_BUFFERS = ("CPU", "CUDA_Host")


def batch_is_not_all_at_once(case: Case) -> Iterator[Finding]:
    ubatch = case.settings.n_ubatch
    if ubatch <= USUAL_UBATCH:
        return
    usual = replace(case.assessment.choice.settings, n_ubatch=USUAL_UBATCH)
    extra = _compute_difference(case.assessment.placement.initial, case.before_fit(usual))
    if extra:
        yield Finding(
            code="L004",
            level="warning",
            message=f"UBATCH={ubatch} costs {extra} more than {USUAL_UBATCH}",
            hint=f"UBATCH={USUAL_UBATCH}; BATCH may stay at {case.settings.n_batch}",
            key="UBATCH",
        )


def _compute_difference(larger: Ledger, smaller: Ledger) -> str:
    """Compute per device as ``1,840 MiB of compute on CUDA0, 520 MiB on CUDA1``."""
    pairs = zip(larger.devices, smaller.devices, strict=True)
    costs = [(line.name, mib_up(line.usage.compute - usual.usage.compute)) for line, usual in pairs]
    texts = [
        f"{cost:,} MiB{' of compute' if not index else ''} on {name}"
        for index, (name, cost) in enumerate((name, cost) for name, cost in costs if cost > 0)
    ]
    return ", ".join(texts)


def layers_are_left_to_fit(case: Case) -> Iterator[Finding]:
    layers = case.settings.n_gpu_layers
    if layers is not None and case.settings.fit:
        yield Finding(
            code="L006",
            level="warning",
            message=f"N_GPU_LAYERS={layers if layers >= 0 else 'all'} keeps FIT from choosing:"
            f" {_outcome(case)}",
            hint="remove N_GPU_LAYERS: FIT counts the layers itself",
            key="N_GPU_LAYERS",
        )


def tensors_are_left_to_fit(case: Case) -> Iterator[Finding]:
    settings = case.settings
    if not settings.fit:
        return
    if settings.tensor_split:
        split = ",".join(f"{share:g}" for share in settings.tensor_split)
        yield Finding(
            code="L008",
            level="warning",
            message=f"TENSOR_SPLIT={split} keeps FIT from choosing: {_outcome(case)}",
            hint="remove TENSOR_SPLIT; FIT_TARGET says what to leave free on each device",
            key="TENSOR_SPLIT",
        )
    if settings.overrides:
        yield Finding(
            code="L008",
            level="warning",
            message=f"{len(settings.overrides)} overrides (-ot) keep FIT from choosing: {_outcome(case)}",
            hint="remove them: FIT moves experts to host memory itself, as few as it can",
            key="EXTRA_ARGS",
        )


def _outcome(case: Case) -> str:
    found = case.assessment.judgement
    return f"{found.verdict}, {found.reason}"


def experts_stay_on_gpus(case: Case) -> Iterator[Finding]:
    settings = case.settings
    to_host = any(buffer in HOST_BUFFERS for _, buffer in settings.overrides)
    if not case.machine.gpus or not (settings.cpu_moe or settings.n_cpu_moe or to_host):
        return
    free = case.assess(replace(settings, cpu_moe=False, n_cpu_moe=0, overrides=()))
    if on_gpu(free):
        gained = case.assessment.placement.fitted.host.usage.model - free.placement.fitted.host.usage.model
        yield Finding(
            code="L016",
            level="warning",
            message=f"{mib_up(gained):,} MiB of weights are kept in host memory, but the GPUs hold them"
            " with their margins",
            hint="remove CPU_MOE, N_CPU_MOE and -ot: FIT keeps all layers on the GPUs",
            key="N_CPU_MOE" if settings.n_cpu_moe else "CPU_MOE" if settings.cpu_moe else "EXTRA_ARGS",
        )


def margins_suit_their_gpus(case: Case) -> Iterator[Finding]:
    given = case.settings.fit_target
    headroom = [case.machine.margin(gpu) for gpu in case.machine.gpus]
    if given is None or len(set(given)) != 1 or len(set(headroom)) < 2:
        return
    texts = [
        f"CUDA{index} ({gpu.role}) wants {mib_up(wanted):,}"
        for index, (gpu, wanted) in enumerate(zip(case.machine.gpus, headroom, strict=True))
    ]
    targets = ",".join(str(mib_up(wanted)) for wanted in headroom)
    yield Finding(
        code="L007",
        level="warning",
        message=f"FIT_TARGET keeps {mib_down(given[0]):,} MiB free on every GPU, but {', '.join(texts)}",
        hint=f"remove FIT_TARGET (the machine's headroom is {targets}), or give one value per GPU",
        key="FIT_TARGET",
    )


def quantised_cache_has_flash_attention(case: Case) -> Iterator[Finding]:
    settings = case.settings
    needs = settings.cache_type_v not in ("f32", "f16", "bf16")
    if needs and settings.flash_attention == "off":
        yield Finding(
            code="L011",
            level="error",
            message=f"CACHE_TYPE_V={settings.cache_type_v} needs flash attention, which is off:"
            " the server refuses to start",
            hint="FLASH_ATTN=on, or CACHE_TYPE_V=f16",
            key="CACHE_TYPE_V",
        )


def latent_cache_has_one_type(case: Case) -> Iterator[Finding]:
    key, value = case.settings.cache_type_k, case.settings.cache_type_v
    if case.model.mla and key != value:
        yield Finding(
            code="L018",
            level="error",
            message=f"CACHE_TYPE_K={key} and CACHE_TYPE_V={value} differ, which latent attention"
            " does not allow: the server refuses to start",
            hint=f"CACHE_TYPE_V={key}",
            key="CACHE_TYPE_K" if key != "f16" else "CACHE_TYPE_V",
        )


SETTING_RULES = (
    Rule(code="L004", title="UBATCH stays at 512, whatever BATCH is", check=batch_is_not_all_at_once),
    Rule(code="L006", title="No N_GPU_LAYERS with FIT", check=layers_are_left_to_fit),
    Rule(code="L007", title="Unequal GPUs get unequal margins", check=margins_suit_their_gpus),
    Rule(code="L008", title="No -ot and no TENSOR_SPLIT with FIT", check=tensors_are_left_to_fit),
    Rule(
        code="L011",
        title="A quantised V cache needs flash attention",
        check=quantised_cache_has_flash_attention,
    ),
    Rule(
        code="L016",
        title="Experts lie in host memory only when GPU memory is short",
        check=experts_stay_on_gpus,
    ),
    Rule(
        code="L018",
        title="Latent attention has one cache type",
        check=latent_cache_has_one_type,
    ),
)
