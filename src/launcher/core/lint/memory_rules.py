"""Rules about memory that is short, or will be."""

from collections.abc import Iterator

from launcher.core.advice import remedy
from launcher.core.assessment import Assessment
from launcher.core.findings import Finding
from launcher.core.host_memory import HostDemand
from launcher.core.ledger import DeviceLine
from launcher.core.lint.case import Case, Rule
from launcher.core.settings import Settings
from launcher.core.units import MIB, mib_down, mib_up

TIGHT = 256 * MIB


def plan_holds(case: Case) -> Iterator[Finding]:
    found = case.assessment
    if found.judgement.verdict != "does-not-fit":
        return
    own = found.choice.settings.fit and not found.placement.gave_up and found.judgement.shortfalls
    blame = ": this is what FIT itself ends with, and reports as success" if own else ""
    yield Finding(
        code="L015",
        level="error",
        message=f"{found.judgement.reason}{blame}",
        hint=_larger_limit(found)
        or remedy(found, case.model, case.machine)
        or "no single setting helps: a smaller quantisation",
    )


def _larger_limit(found: Assessment) -> str | None:
    """The memory limit that the container needs, where nothing but the limit is too small."""
    host = found.host
    if found.judgement.shortfalls or not host.limited:
        return None
    return f"MEMORY_LIMIT={mib_up(host.needed_bytes)}MiB, or mem_limit in docker-compose.yml, holds as much"


def fit_is_not_tight(case: Case) -> Iterator[Finding]:
    if case.assessment.judgement.verdict != "fits" or case.assessment.placement.changed:
        return
    used = (line for line in case.assessment.placement.fitted.gpus if line.usage.total)
    spare = [(slack, line) for line in used if (slack := _slack(line)) is not None and slack < TIGHT]
    for slack, line in spare:
        yield Finding(
            code="L012",
            level="warning",
            message=f"tight: {line.name} keeps its margin with {mib_down(slack):,} MiB to spare",
            hint="another program can take as much: a shorter CTX_SIZE or a smaller cache type",
        )


def _slack(line: DeviceLine) -> int | None:
    return None if line.left is None else line.left - (line.margin or 0)


def scratch_fits_the_margin(case: Case) -> Iterator[Finding]:
    placement, settings = case.assessment.placement, case.assessment.choice.settings
    if settings.flash_attention != "off":
        return
    heads = max((layer.heads for layer in case.model.layers if layer.cached), default=0)
    scratch = 2 * heads * placement.n_ctx * min(settings.n_ubatch, settings.n_batch)
    for line in placement.fitted.gpus:
        if line.usage.context and line.left is not None and scratch > line.left:
            yield Finding(
                code="L005",
                level="warning",
                message=f"scratch memory grows with the prompt: at {placement.n_ctx:,} tokens"
                f" {line.name} takes {mib_up(scratch):,} MiB outside the ledger,"
                f" {mib_up(scratch - line.left):,} MiB more than is left",
                hint="FLASH_ATTN=on: attention then needs no such scratch memory",
                key="FLASH_ATTN",
            )


def host_holds_the_prompt_cache(case: Case) -> Iterator[Finding]:
    host = case.assessment.host
    if case.settings.cache_ram < 0:
        yield Finding(
            code="L013",
            level="warning",
            message="CACHE_RAM=-1 lets the prompt cache grow without limit",
            hint="CACHE_RAM=8192 is llama-server's default",
            key="CACHE_RAM",
        )
    elif host.missing_later and not host.missing:
        parts = " and ".join(f"{mib_up(amount.nbytes):,} MiB of {amount.name}" for amount in host.growing)
        yield Finding(
            code="L013",
            level="warning",
            message=f"Host needs {mib_up(host.needed_bytes):,} MiB, and may come to hold {parts}:"
            f" {mib_up(host.missing_later):,} MiB too much",
            hint=_smaller_caches(case.settings, host),
            key="CACHE_RAM",
        )


def _smaller_caches(settings: Settings, host: HostDemand) -> str:
    """The largest CACHE_RAM with which the host holds all; without any, the most checkpoints."""
    spare = (host.supply or 0) - host.needed_bytes
    checkpoints = host.total_bytes - host.needed_bytes - settings.cache_ram
    if checkpoints <= spare:
        return f"CACHE_RAM={mib_down(spare - checkpoints)} holds"
    return f"CACHE_RAM=0 with CTX_CHECKPOINTS={settings.ctx_checkpoints * spare // checkpoints} holds"


def fit_counts_the_mtp_block(case: Case) -> Iterator[Finding]:
    placement = case.assessment.placement
    if case.settings.drafting.mtp or not case.model.nextn_layers:
        return
    if placement.n_gpu_layers is None or not placement.changed:
        return
    yield Finding(
        code="L014",
        level="warning",
        message=f"FIT sets {placement.n_gpu_layers} layers without the model's"
        f" {case.model.nextn_layers} MTP block, the loader counts with it: layer 0 and its cache land"
        " in host memory",
        hint="a context, cache type or quantisation with which nothing has to be moved avoids it",
    )


MEMORY_RULES = (
    Rule(
        code="L005",
        title="Test with long prompts: scratch memory grows with them",
        check=scratch_fits_the_margin,
    ),
    Rule(code="L012", title="Leave 256 MiB beyond the margin", check=fit_is_not_tight),
    Rule(code="L013", title="Count the prompt cache and the checkpoints", check=host_holds_the_prompt_cache),
    Rule(code="L014", title="FIT miscounts layers of a model with MTP", check=fit_counts_the_mtp_block),
    Rule(code="L015", title="A fit that reports success may still not fit", check=plan_holds),
)
