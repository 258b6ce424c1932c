"""Every rule: where it speaks, with which figures, and where it is silent."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core.assessment import assess
from launcher.core.findings import Finding
from launcher.core.host_memory import host_demand
from launcher.core.ledger import Usage
from launcher.core.lint import ASSERTIONS, RULES, lint, lint_subject
from launcher.core.lint.case import Case
from launcher.core.settings import Settings
from launcher.core.subject import KnownModel, Subject
from planning import (
    HYBRID,
    RTX_4090,
    RTX_5070_TI,
    case,
    header,
    known,
    machine,
    mib,
    placement,
    production,
    profile,
    subject,
)

DESK = machine()
LESSONS = Path(__file__).parents[2] / "lessons_learned.md"
FITTING = (Usage(model=mib(20_000), context=mib(2_000), compute=mib(400)), Usage(model=mib(9_000)))


def fitting(settings: Settings | None = None, **fields: Any) -> Case:
    """A case that holds with much to spare."""
    return case(placement(*FITTING, on=DESK), on=DESK, settings=settings, **fields)


def placed_by_the_engine(settings: Settings) -> Case:
    about = subject(settings=settings)
    assert about.known.model is not None
    found = assess(settings, about.known.model, DESK)
    return Case(subject=about, model=about.known.model, machine=DESK, assessment=found)


def findings(found: Case, code: str) -> list[Finding]:
    return [finding for finding in lint(found) if finding.code == code]


def only(found: Case, code: str) -> Finding:
    (finding,) = findings(found, code)
    return finding


def test_a_clean_profile_has_no_findings_but_where_its_header_is_from() -> None:
    assert [(each.code, each.level) for each in lint(fitting())] == [("L003", "info")]


def test_every_lesson_has_a_check_and_every_check_a_lesson() -> None:
    text = LESSONS.read_text(encoding="utf-8")
    lessons = dict(re.findall(r"^## (L\d{3}) (.+)$", text, re.MULTILINE))
    assert lessons == RULES
    assert re.findall(r"^- \*\*Check (L\d{3})\.\*\*", text, re.MULTILINE) == list(RULES)


def test_codes_of_rules_and_assertions_differ() -> None:
    assert not set(RULES) & set(ASSERTIONS)


# L001, L002, L003: what is known


def test_l001_a_model_without_a_header_is_unknown() -> None:
    missing = Subject(
        profile=profile("x.gguf"),
        settings=production(),
        known=KnownModel.without_header("x.gguf", "no such file"),
    )
    (finding,) = lint_subject(missing)
    assert (finding.code, finding.level, finding.key) == ("L001", "error", "MODEL")
    assert finding.message == "no such file; nothing is inferred from a name or a file size"


def test_l001_is_silent_when_the_header_is_read() -> None:
    assert not [each for each in lint_subject(subject()) if each.code == "L001"]


def test_l002_a_bound_is_named() -> None:
    found = case(placement(*FITTING, on=DESK, doubts=("compute is a bound",)), on=DESK)
    assert only(found, "L002").message == "deepseek2: compute is a bound"


def test_l003_a_stale_snapshot_is_a_warning() -> None:
    stale = replace(known("GLM-4.7-Flash-Q8_0.gguf"), stale="it was taken of 1 bytes, the file has 2")
    found = Subject(profile=profile(), settings=production(), known=stale)
    messages = [each.message for each in lint_subject(found) if each.level == "warning"]
    assert messages == [
        "the header kept for GLM-4.7-Flash-Q8_0.gguf is not that of the file:"
        " it was taken of 1 bytes, the file has 2"
    ]


def test_l003_is_silent_for_a_header_read_from_the_file() -> None:
    own = KnownModel.of("m.gguf", replace(header("GLM-4.7-Flash-Q8_0.gguf"), source="file"))
    assert lint_subject(Subject(profile=profile(), settings=production(), known=own)) == ()


# L004 to L008, L011, L016: settings


def test_l004_a_large_ubatch_costs_compute() -> None:
    finding = only(placed_by_the_engine(production(n_ubatch=2048)), "L004")
    costs = r"UBATCH=2048 costs [\d,]+ MiB of compute on CUDA0, [\d,]+ MiB on CUDA1.* more than 512"
    assert re.fullmatch(costs, finding.message)
    assert (finding.key, finding.hint) == ("UBATCH", "UBATCH=512; BATCH may stay at 2048")


@pytest.mark.parametrize("ubatch", [128, 512])
def test_l004_is_silent_up_to_512(ubatch: int) -> None:
    assert not findings(fitting(production(n_ubatch=ubatch)), "L004")


def test_l005_scratch_memory_without_flash_attention() -> None:
    finding = only(fitting(production(flash_attention="off", cache_type_v="f16")), "L005")
    # 20 heads x 131,072 tokens x 512 of a micro-batch x 2 bytes
    assert (
        "at 131,072 tokens CUDA0 takes 2,560 MiB outside the ledger, 1,360 MiB more than is left"
        in finding.message
    )


@pytest.mark.parametrize("flash", ["on", "auto"])
def test_l005_is_silent_with_flash_attention(flash: str) -> None:
    assert not findings(fitting(production(flash_attention=flash)), "L005")


@pytest.mark.parametrize(("layers", "text"), [(99, "N_GPU_LAYERS=99"), (-1, "N_GPU_LAYERS=all")])
def test_l006_layers_with_fit(layers: int, text: str) -> None:
    finding = only(fitting(production(n_gpu_layers=layers)), "L006")
    assert finding.message == f"{text} keeps FIT from choosing: fits, all layers on GPU, margins kept"


def test_l006_is_silent_without_fit() -> None:
    assert not findings(fitting(production(n_gpu_layers=99, fit=False)), "L006")


def test_l007_one_margin_on_unequal_gpus() -> None:
    finding = only(fitting(production(fit_target=(mib(1024),))), "L007")
    assert finding.message == (
        "FIT_TARGET keeps 1,024 MiB free on every GPU,"
        " but CUDA0 (compute) wants 128, CUDA1 (display) wants 1,024"
    )
    assert finding.hint == "remove FIT_TARGET (the machine's headroom is 128,1024), or give one value per GPU"


@pytest.mark.parametrize("target", [None, (mib(128), mib(1024))])
def test_l007_is_silent_for_a_margin_each(target: tuple[int, ...] | None) -> None:
    assert not findings(fitting(production(fit_target=target)), "L007")


def test_l007_is_silent_on_equal_gpus() -> None:
    on = machine(RTX_4090, RTX_4090)
    found = case(placement(*FITTING, on=on), on=on, settings=production(fit_target=(mib(1024),)))
    assert not findings(found, "L007")


def test_l008_split_and_overrides_with_fit() -> None:
    settings = production(tensor_split=(3.0, 1.0), overrides=(("a", "CUDA0"), ("b", "CUDA1")))
    messages = [each.message.partition(":")[0] for each in findings(fitting(settings), "L008")]
    assert messages == [
        "TENSOR_SPLIT=3,1 keeps FIT from choosing",
        "2 overrides (-ot) keep FIT from choosing",
    ]


def test_l008_is_silent_without_fit() -> None:
    assert not findings(fitting(production(tensor_split=(3.0, 1.0), fit=False)), "L008")


@pytest.mark.parametrize(
    "given", [{"environment": {"LLAMA_ARG_CONTEXT_SHIFT": "on"}}, {"command": ("--context-shift",)}]
)
def test_l009_context_shift_on_a_hybrid(given: dict[str, Any]) -> None:
    finding = only(fitting(model=HYBRID, **given), "L009")
    assert "48 of 64 layers keep a recurrent state" in finding.message


def test_l009_is_silent_without_shift_or_without_recurrence() -> None:
    off = {"LLAMA_ARG_CONTEXT_SHIFT": "off"}
    assert not findings(fitting(model=HYBRID, environment=off), "L009")
    assert not findings(fitting(command=("--context-shift",)), "L009")


def test_l010_a_context_above_the_trained_one() -> None:
    finding = only(fitting(production(n_ctx=262_144)), "L010")
    assert finding.message == (
        "CTX_SIZE=262144 gives 262,144 tokens to a sequence, but the model was trained for 202,752"
    )


def test_l010_counts_the_context_of_one_sequence() -> None:
    assert not findings(fitting(production(n_ctx=262_144, n_parallel=2)), "L010")
    assert findings(fitting(production(n_ctx=262_144, n_parallel=2, kv_unified=True)), "L010")


def test_l011_a_quantised_v_cache_without_flash_attention() -> None:
    finding = only(fitting(production(flash_attention="off")), "L011")
    assert (finding.level, finding.key) == ("error", "CACHE_TYPE_V")


def test_l011_is_silent_for_f16_and_for_k_alone() -> None:
    assert not findings(fitting(production(flash_attention="off", cache_type_v="f16")), "L011")
    assert not findings(fitting(production()), "L011")


def test_l018_latent_attention_with_two_cache_types() -> None:
    finding = only(fitting(production(cache_type_v="f16")), "L018")
    assert (finding.level, finding.key) == ("error", "CACHE_TYPE_K")
    assert finding.hint == "CACHE_TYPE_V=q8_0"


def test_l018_is_silent_for_equal_types_and_for_other_attention() -> None:
    assert not findings(fitting(), "L018")
    assert not findings(fitting(production(cache_type_v="f16"), model=HYBRID), "L018")


# L012 to L015: memory


@pytest.mark.parametrize(("spare", "tight"), [(0, True), (255, True), (256, False)])
def test_l012_less_than_256_mib_to_spare(spare: int, tight: bool) -> None:
    found = case(placement(Usage(model=mib(23_472 - spare)), Usage(model=mib(9_000)), on=DESK), on=DESK)
    messages = [each.message for each in findings(found, "L012")]
    assert messages == ([f"tight: CUDA0 keeps its margin with {spare} MiB to spare"] if tight else [])


def test_l012_is_silent_where_fit_filled_to_the_margin() -> None:
    found = case(placement(Usage(model=mib(23_400)), FITTING[1], on=DESK, changed=True), on=DESK)
    assert not findings(found, "L012")


def test_l013_the_prompt_cache_grows_past_host_memory() -> None:
    found = case(placement(*FITTING, on=DESK, layers=(20, 10), host=Usage(model=mib(60_000))), on=DESK)
    finding = only(found, "L013")
    assert finding.message == (
        "Host needs 60,000 MiB, and may come to hold 8,192 MiB of prompt cache: 2,656 MiB too much"
    )
    assert finding.hint == "CACHE_RAM=5536 holds"


def test_l013_checkpoints_that_leave_no_room_are_fewer() -> None:
    found = case(placement(*FITTING, on=DESK, layers=(20, 10), host=Usage(model=mib(60_000))), on=DESK)
    demand = host_demand(Usage(model=mib(60_000)), production(), DESK, None, checkpoint=mib(200))
    crowded = replace(found, assessment=replace(found.assessment, host=demand))
    finding = only(crowded, "L013")
    assert "8,192 MiB of prompt cache and 6,400 MiB of checkpoints" in finding.message
    assert finding.hint == "CACHE_RAM=0 with CTX_CHECKPOINTS=27 holds"


def test_l013_a_cache_without_limit() -> None:
    finding = only(fitting(production(cache_ram=-mib(1))), "L013")
    assert finding.message == "CACHE_RAM=-1 lets the prompt cache grow without limit"


def test_l013_is_silent_when_all_of_it_has_room() -> None:
    assert not findings(fitting(), "L013")


def test_l014_mtp_and_a_fit_that_moves_layers() -> None:
    placed = placement(*FITTING, on=DESK, changed=True, n_gpu_layers=47, layers=(31, 16))
    mtp = replace(case(placed, on=DESK), model=_with_mtp())
    assert "FIT sets 47 layers without the model's 1 MTP block" in only(mtp, "L014").message


def test_l014_is_silent_without_an_mtp_block() -> None:
    placed = placement(*FITTING, on=DESK, changed=True, n_gpu_layers=47)
    assert not findings(case(placed, on=DESK), "L014")


def test_l015_names_the_device_the_figure_and_a_setting_that_holds() -> None:
    found = case(placement(FITTING[0], Usage(model=mib(13_001)), on=DESK), on=DESK)
    finding = only(found, "L015")
    assert finding.level == "error"
    assert finding.message == (
        "CUDA1 needs 501 MiB more than is free (1,525 MiB with its margin):"
        " this is what FIT itself ends with, and reports as success"
    )


def test_l015_does_not_blame_fit_where_it_gave_up() -> None:
    placed = placement(FITTING[0], Usage(model=mib(13_001)), on=DESK, gave_up="n_gpu_layers is set")
    assert "FIT itself" not in only(case(placed, on=DESK), "L015").message


def test_l015_is_silent_when_the_plan_holds() -> None:
    assert not findings(fitting(), "L015")


def test_l016_experts_on_the_host_that_the_gpus_would_hold() -> None:
    on = machine(replace(RTX_4090, free=mib(80_000)))
    placed = placement(
        Usage(model=mib(2_000)), on=on, layers=(48,), overflow=(46,), host=Usage(model=mib(28_000))
    )
    found = case(placed, on=on, settings=production(cpu_moe=True))
    assert (finding := only(found, "L016")).key == "CPU_MOE"
    assert "of weights are kept in host memory, but the GPUs hold them" in finding.message


def test_l016_is_silent_when_memory_is_short() -> None:
    on = machine(RTX_5070_TI)
    placed = placement(
        Usage(model=mib(2_000)), on=on, layers=(48,), overflow=(46,), host=Usage(model=mib(28_000))
    )
    assert not findings(case(placed, on=on, settings=production(cpu_moe=True)), "L016")


# what the owner demands


@pytest.mark.parametrize(
    ("wanted", "layers", "accepted"),
    [("gpu", (32, 16), True), ("gpu", (30, 16), False), ("offload", (30, 16), True), ("any", (30, 16), True)],
)
def test_a001_placement(wanted: str, layers: tuple[int, int], accepted: bool) -> None:
    found = case(placement(*FITTING, on=DESK, layers=layers), on=DESK, placement=wanted)
    assert (not findings(found, "A001")) is accepted


def test_a001_offload_does_not_accept_less_context() -> None:
    placed = placement(*FITTING, on=DESK, n_ctx=65_536)
    found = case(placed, on=DESK, settings=production(n_ctx=0), placement="offload")
    assert only(found, "A001").message.startswith("PLACEMENT=offload does not accept fits-with-less-context")


@pytest.mark.parametrize(("wanted", "met"), [(131_072, True), (131_073, False)])
def test_a002_min_ctx(wanted: int, met: bool) -> None:
    assert (not findings(fitting(min_ctx=wanted), "A002")) is met


@pytest.mark.parametrize(("allowed", "met"), [(322, True), (321, False)])
def test_a003_max_host_weights(allowed: int, met: bool) -> None:
    assert (not findings(fitting(max_host_weights=mib(allowed)), "A003")) is met


def _with_mtp() -> Any:
    model = known("GLM-4.7-Flash-Q8_0.gguf").model
    assert model is not None
    return replace(model, n_layer=model.n_layer - 1)
