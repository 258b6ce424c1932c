"""Searching for settings: what is tried, what comes next, which is best and why."""

from dataclasses import replace

import pytest

from launcher.core.tune import Candidate, Task, Trial, Tuning, neighbours, opening, ranked, reason
from launcher.core.tune.candidate import BASE
from launcher.core.tune.layout import Layout
from launcher.core.tune.report import settings, to_json
from tuning import EXPERTS, failed, task, trial


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


def test_a_profile_on_one_of_two_gpus_is_tried_on_both() -> None:
    (split,) = [found for found in opening(task(SPLIT_MODE="none")) if found.about == "all GPUs"]
    assert dict(split.changes) == {"SPLIT_MODE": "layer", "FIT_TARGET": "128,1024"}
    assert "all GPUs" not in abouts(opening(task()))
    assert "all GPUs" not in abouts(opening(task(command=("--split-mode", "none"))))


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


def test_layers_without_their_weights_are_said_with_settings() -> None:
    layout = Layout(counts=(6, 5), total=11).with_experts_on_host([8, 9]).with_emptied([9, 10])
    assert layout.environment()["OVERRIDE_TENSOR"] == (
        rf"{EXPERTS.format(8)}=CPU,blk\.9\.=CPU,^output\.weight=CPU"
    )
    assert str(layout) == "layers 6 + 5, experts of 2 on the host, all weights of 2 on the host"
    assert not layout.is_piped
    assert layout.with_refilled([9, 10]) == Layout(counts=(6, 5), total=11, offloaded=frozenset({8, 9}))


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
    assert "experts of 3 more on the host: layers 6 + 5, experts of 3 on the host" in abouts(found)
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


def test_layers_on_the_host_bring_their_cache() -> None:
    """500 MiB of weights and 300 of cache; 300 are left above the margin."""
    found = neighbours(trial(task(gpus=1), 431, layers=(10,), cache=300))
    assert "all layers on GPUs, experts of 2 more on the host: layers 11, experts of 2 on the host" in (
        abouts(found)
    )


def emptied(candidates: list[Candidate]) -> list[list[int]]:
    """The layers that have no weights on a GPU any more, of each candidate that has such."""
    layouts = [candidate.layout for candidate in candidates]
    return [sorted(layout.emptied) for layout in layouts if layout and layout.emptied]


def test_where_all_experts_are_not_enough_layers_give_their_weights_and_keep_their_cache() -> None:
    """Experts are 4000 MiB; 250 more are needed, which are the weights of three layers."""
    found = neighbours(trial(task(gpus=1), 131 - 4250, layers=(11,)))
    assert emptied(found) == [[7, 8, 9], [6, 7, 8, 9]]


def test_the_output_layer_gives_its_weights_last_and_layer_0_never() -> None:
    assert emptied(neighbours(trial(task(gpus=1), 131 - 4910, layers=(11,)))) == [[*range(1, 11)]]
    assert emptied(neighbours(trial(task(gpus=1), 131 - 4990, layers=(11,)))) == []


def test_a_model_without_experts_keeps_whole_layers() -> None:
    assert emptied(neighbours(trial(task(gpus=1, experts=False), -9000, layers=(11,)))) == []


def test_a_block_that_is_not_loaded_has_nothing_to_give() -> None:
    found = neighbours(trial(task(gpus=1, predicting=1), 131 - 700, layers=(11,)))
    assert {8, 7} in [candidate.layout.offloaded for candidate in found if candidate.layout]
    assert all(9 not in candidate.layout.offloaded for candidate in found if candidate.layout)


def test_weights_come_back_to_the_cache_of_their_layer() -> None:
    layout = Layout(counts=(11,), total=11, offloaded=frozenset(range(10)), emptied=frozenset({7, 8, 9}))
    tight = Candidate(about="tight", layout=layout)
    assert emptied(neighbours(trial(task(gpus=1), 131 + 250, layers=(11,), candidate=tight)))[:1] == [[9]]
    experts = neighbours(trial(task(gpus=1), 131 + 450, layers=(11,), candidate=tight))
    homes = [set(range(10)) - candidate.layout.offloaded for candidate in experts if candidate.layout]
    assert {0} in homes
    assert all(home.isdisjoint({7, 8, 9}) for home in homes)


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
    made = to_json("p", "desk", Tuning(trials=tuple(trials)))
    assert made["schema"] == "launcher.tune/1"
    assert [each["about"] for each in made["candidates"]] == ["better", "as the profile says", "broken"]
    assert made["candidates"][2]["failure"] == "it broke"
    assert made["candidates"][2]["devices"] is None
    recommendation = made["recommendation"]
    assert recommendation["settings"] == {"UBATCH": "256", "TENSOR_SPLIT": None}
    assert recommendation["graph_splits"] == 3
    assert [device["name"] for device in recommendation["devices"]] == ["CUDA0", "CUDA1", "Host"]
    assert settings(trials[1]) == recommendation["settings"]
    assert to_json("p", "desk", Tuning(trials=(trial(of, 0, 2000),)))["recommendation"] is None
