"""Searching for settings: what is tried, what comes next, which is best and why."""

from dataclasses import replace

import pytest

from launcher.core.dry_run import EngineResult
from launcher.core.errors import failure
from launcher.core.fit import Placement
from launcher.core.header import Header, Tensor
from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.tune import Candidate, Task, Trial, neighbours, opening, ranked, reason
from launcher.core.tune.candidate import BASE
from launcher.core.tune.layout import Layout
from launcher.core.tune.report import settings, to_json
from launcher.core.units import MIB

FREE = 10_000 * MIB
MARGINS = (128 * MIB, 1024 * MIB)
EXPERTS = r"blk\.{}\.ffn_(up|down|gate_up|gate)_(ch|)exps"


def tensor(name: str, mib: int) -> Tensor:
    return Tensor(name=name, shape=(1,), type=0, nbytes=mib * MIB)


def task(*, experts: bool = True, gpus: int = 2, command: tuple[str, ...] = (), **environment: str) -> Task:
    """A model of 10 layers, each of 100 MiB and 400 MiB of experts."""
    kinds = [("attn_q", 100), ("ffn_up_exps" if experts else "ffn_up", 400)]
    tensors = [tensor(f"blk.{layer}.{kind}.weight", mib) for layer in range(10) for kind, mib in kinds]
    header = Header(
        metadata={"general.architecture": "x", "x.block_count": 10},
        tensors=tuple(tensors),
        file_bytes=0,
        source="file",
    )
    machine = Machine(name="desk", gpus=(Gpu(name="A", total=FREE, free=FREE),) * gpus)
    return Task(
        header=header,
        machine=machine,
        environment={f"LLAMA_ARG_{key}": value for key, value in environment.items()},
        command=command,
        margins=MARGINS[:gpus],
        cache_types=("q8_0",),
    )


def trial(
    of: Task,
    *lefts: int,
    layers: tuple[int, ...] = (6, 5),
    host: int = 300,
    splits: int | None = 3,
    n_ctx: int = 4096,
    overrides: tuple[tuple[str, str], ...] = (),
    candidate: Candidate = BASE,
) -> Trial:
    """A result with these MiB left on each GPU, and `host` MiB of weights on the host."""
    lines = [
        DeviceLine(
            name=f"CUDA{index}",
            free=FREE,
            usage=Usage(model=FREE - left * MIB),
            layers=count,
        )
        for index, (left, count) in enumerate(zip(lefts, layers, strict=True))
    ]
    ledger = Ledger(
        source="engine",
        devices=(*lines, DeviceLine(name="Host", usage=Usage(model=host * MIB))),
        graph_splits=splits,
    )
    placement = Placement(initial=ledger, fitted=ledger, n_ctx=n_ctx, overrides=overrides)
    return Trial(
        task=of, candidate=candidate, result=EngineResult(placement=placement, graph_splits_bs1=None)
    )


def failed(of: Task, what: str = "it broke") -> Trial:
    return Trial(task=of, candidate=Candidate(about="broken"), result=None, error=failure(what))


def abouts(candidates: list[Candidate]) -> list[str]:
    return [candidate.about for candidate in candidates]


def test_the_profile_as_it_is_comes_first() -> None:
    found = opening(task(UBATCH="512"))
    assert found[0] == BASE
    assert abouts(found)[1:4] == ["FIT_TARGET=256,1024", "FIT_TARGET=256,1152", "FIT_TARGET=128,1152"]
    assert abouts(found)[-5:] == [
        *("GPU 0 alone", "GPU 1 alone", "UBATCH=256", "UBATCH=128", "q8_0 KV cache"),
    ]
    assert len({candidate.changes for candidate in found}) == len(found)


@pytest.mark.parametrize(
    ("of", "missing"),
    [
        (task(gpus=1), "GPU 0 alone"),
        (task(FIT="off"), "FIT_TARGET=256,1024"),
        (task(SPLIT_MODE="none"), "FIT_TARGET=256,1024"),
        (task(command=("-ub", "512")), "UBATCH=256"),
        (task(command=("--split-mode", "layer")), "GPU 0 alone"),
        (task(command=("-ctk", "f16")), "q8_0 KV cache"),
        (task(UBATCH="128"), "UBATCH=64"),
    ],
)
def test_what_can_not_change_is_not_tried(of: Task, missing: str) -> None:
    assert missing not in abouts(opening(of))


def test_a_machine_without_gpus_has_little_to_try() -> None:
    assert abouts(opening(task(gpus=0))) == [
        *("as the profile says", "UBATCH=256", "UBATCH=128", "q8_0 KV cache"),
    ]


def test_a_layout_is_read_from_a_placement_and_said_with_settings() -> None:
    found = trial(
        task(), 500, 2000, overrides=((EXPERTS.format(9), "CPU"), (r"blk\.5\.ffn_down.*", "CUDA1"))
    ).layout
    assert found == Layout(
        counts=(6, 5), total=11, offloaded=frozenset({9}), partial=((r"blk\.5\.ffn_down.*", "CUDA1"),)
    )
    assert found.environment() == {
        "FIT": "off",
        "N_GPU_LAYERS": "11",
        "TENSOR_SPLIT": "6,5",
        "OVERRIDE_TENSOR": rf"blk\.5\.ffn_down.*=CUDA1,{EXPERTS.format(9)}=CPU",
    }
    assert str(found) == "layers 6 + 5, experts of 1 on the host, 1 in part elsewhere"
    assert found.without_partial().partial == ()


def test_layers_lie_one_after_the_other_with_the_output_last() -> None:
    layout = Layout(counts=(4, 5), total=11)
    assert (layout.first, layout.on_device(0), layout.on_device(1)) == (2, range(2, 6), range(6, 10))
    assert layout.shifted(0, 1, 5) is None
    assert layout.resized(0, 3) is None
    assert layout.resized(1, -6) is None
    assert layout.resized(0, 2) == Layout(counts=(6, 5), total=11)


def test_partial_layers_on_the_host_become_layers_with_experts_there() -> None:
    layout = Layout(counts=(6, 5), total=11, partial=((r"blk\.8\.ffn_down.*", "CPU"),))
    assert layout.without_partial().offloaded == {8}
    assert layout.shifted(0, 1) == replace(layout, counts=(5, 6))


@pytest.mark.parametrize(
    ("layout", "piped"),
    [
        (Layout(counts=(6, 5), total=11), True),
        (Layout(counts=(11,), total=11), False),
        (Layout(counts=(5, 5), total=11), False),
        (Layout(counts=(6, 5), total=11, unpiped=True), False),
        (Layout(counts=(6, 5), total=11, offloaded=frozenset({3})), False),
    ],
)
def test_pipeline_parallelism_needs_all_layers_on_several_gpus(layout: Layout, piped: bool) -> None:
    assert layout.is_piped is piped


def test_a_gpu_that_misses_its_margin_is_relieved() -> None:
    found = neighbours(trial(task(UBATCH="512"), -900, 3000))
    assert abouts(found)[0] == "no pipeline parallelism: layers 6 + 5"
    assert "3 layers from GPU 0 to 1: layers 3 + 8" in abouts(found)
    assert "experts of 3 more layers on the host: layers 6 + 5, experts of 3 on the host" in abouts(found)
    assert "UBATCH=256" in abouts(found)
    smaller = next(candidate for candidate in found if candidate.about == "UBATCH=256: layers 6 + 5")
    assert dict(smaller.changes)["N_GPU_LAYERS"] == "11"
    assert smaller.cost == 1


def test_memory_that_is_left_takes_experts_back() -> None:
    lowest = tuple((EXPERTS.format(layer), "CPU") for layer in (8, 9))
    found = neighbours(trial(task(), 200, 1600, overrides=lowest, host=1100))
    assert "experts of 2 layers on GPU 1: layers 6 + 5" in abouts(found)
    assert "1 layer to GPU 0: layers 7 + 4, experts of 2 on the host" in abouts(found)


def test_layers_on_the_host_are_paid_for_with_experts() -> None:
    found = neighbours(trial(task(), 300, 1100, layers=(5, 5), host=800))
    assert "all layers on GPUs, experts of 1 more on the host: layers 6 + 5, experts of 1 on the host" in (
        abouts(found)
    )


def test_a_context_that_the_fit_chose_is_kept() -> None:
    (first, *_) = neighbours(trial(task(), -900, 3000, n_ctx=70_400))
    assert dict(first.changes)["CTX_SIZE"] == "70400"
    (first, *_) = neighbours(trial(task(CTX_SIZE="4096"), -900, 3000))
    assert "CTX_SIZE" not in dict(first.changes)


def test_a_layout_that_the_command_line_fixes_is_left_alone() -> None:
    assert abouts(neighbours(trial(task(command=("-ngl", "9")), -900, 3000))) == ["UBATCH=256"]
    assert neighbours(failed(task())) == []


OF = task()
GOOD = trial(OF, 600, 2000)
COSTLY = Candidate(about="costly", cost=1)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (GOOD, trial(OF, 100, 2000)),
        (GOOD, trial(OF, 600, 2000, host=700)),
        (GOOD, trial(OF, 600, 2000, splits=5)),
        (GOOD, trial(OF, 600, 2000, splits=None)),
        (GOOD, trial(OF, 600, 2000, layers=(5, 6))),
        (GOOD, trial(OF, 500, 2000)),
        (trial(OF, 600, 2000, host=900), trial(OF, 600, 2000, layers=(6, 4))),
        (GOOD, trial(OF, 600, 2000, host=290, candidate=COSTLY)),
        (trial(OF, 600, 2000, host=200, candidate=COSTLY), GOOD),
        (trial(OF, 0, 0), failed(OF)),
    ],
)
def test_the_order_of_candidates(better: Trial, worse: Trial) -> None:
    order = ranked([trial(OF, 0, 0, host=9999), worse, better])
    assert order.index(better) < order.index(worse)


def test_less_context_than_the_profile_gives_is_worse_than_anything_but_missing_memory() -> None:
    of = task()
    base, shorter, short = (
        trial(of, 600, 2000, n_ctx=8192, host=5000),
        trial(of, 600, 2000, n_ctx=4096),
        trial(of, 0, 2000, n_ctx=8192),
    )
    assert ranked([base, shorter, short, failed(of)])[:3] == [base, shorter, short]


def test_figures_of_whole_mib_leave_room_for_what_was_rounded_away() -> None:
    assert not trial(task(), 130, 2000).holds
    assert trial(task(), 131, 2000).holds


def test_the_reason_names_the_gain() -> None:
    of = task()
    other = Candidate(about="better")
    base = trial(of, 600, 2000, splits=9, host=700)
    assert reason(base, base) == "nothing that was tried is better than the profile as it is"
    assert reason(trial(of, 600, 2000, host=700, candidate=other), base) == "3 graph splits instead of 9"
    assert reason(trial(of, 600, 2000, candidate=other), base) == (
        "300 MiB of weights on the host instead of 700 MiB"
    )
    assert reason(trial(of, 600, 2000, candidate=other), trial(of, 0, 2000)) == (
        "it keeps every margin, which the profile as it is misses by 131 MiB"
    )
    assert reason(trial(of, 600, 2000, candidate=other), failed(of)) == (
        "it can be laid out, the profile as it is can't: it broke"
    )
    assert reason(trial(of, 600, 2000, candidate=other), trial(of, 600, 2000, layers=(5, 5))) == (
        "0 whole layers on the host instead of 1"
    )
    assert reason(trial(of, 0, 2000), base).startswith("nothing that was tried fits")
    assert reason(failed(of), failed(of)) == "nothing could be laid out: it broke"


def test_the_json_has_all_candidates_and_the_recommendation() -> None:
    of = task(UBATCH="512", TENSOR_SPLIT="1,1")
    better = Candidate(
        changes=(("UBATCH", "256"), ("TENSOR_SPLIT", None), ("OVERRIDE_TENSOR", None)), about="better"
    )
    trials = [trial(of, 0, 2000), trial(of, 600, 2000, candidate=better), failed(of)]
    made = to_json("p", "desk", trials)
    assert made["schema"] == "launcher.tune/1"
    assert [each["about"] for each in made["candidates"]] == ["better", "as the profile says", "broken"]
    assert made["candidates"][2]["failure"] == "it broke"
    assert made["candidates"][2]["devices"] is None
    recommendation = made["recommendation"]
    assert recommendation["settings"] == {"UBATCH": "256", "TENSOR_SPLIT": None}
    assert recommendation["graph_splits"] == 3
    assert [device["name"] for device in recommendation["devices"]] == ["CUDA0", "CUDA1", "Host"]
    assert settings(trials[1]) == recommendation["settings"]
    assert to_json("p", "desk", [trial(of, 0, 2000)])["recommendation"] is None
