"""Compute buffers: the allocator, the scheduler, and what they make of a model's graph."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from launcher.core.memory.condense import condense, outline
from launcher.core.memory.element import F32
from launcher.core.memory.graph.allocator import Heap, buffer_sizes
from launcher.core.memory.graph.graph import Graph
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.schedule import Scheduler
from launcher.core.memory.layout import HOST, Layout, homes
from launcher.core.memory.project import Projection, Projector
from launcher.core.model import Model
from launcher.core.settings import FlashAttention, Settings
from models import model


def project(found: Model, settings: Settings, *, offloaded: int = 99, gpus: int = 1) -> Projection:
    """With so many layers on the GPUs, in equal shares."""
    layout = Layout(
        homes=homes(found.n_layer_all, offloaded, (1.0,) * gpus),
        exceptions=((),) * found.n_layer_all,
        offloaded=offloaded,
    )
    return Projector(found, settings, gpus)(layout, settings.n_ctx)


# the allocator


def test_the_smallest_hole_that_holds_a_tensor_is_taken() -> None:
    heap = Heap(128)
    first, _, third, _ = (heap.take(size) for size in (1024, 128, 256, 128))
    heap.give(first, 1024)
    heap.give(third, 256)
    assert heap.take(200) == third
    assert heap.take(512) == first
    assert heap.peak == 1024 + 128 + 256 + 128


def test_neighbours_that_are_free_become_one_hole() -> None:
    heap = Heap(32)
    first, second, _ = (heap.take(64) for _ in range(3))
    heap.give(first, 64)
    heap.give(second, 64)
    assert heap.take(128) == first


@hypothesis_settings(deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40), st.randoms())
def test_blocks_never_overlap_and_all_can_be_given_back(sizes: list[int], order: Random) -> None:
    heap = Heap(32)
    taken = [(heap.take(size), -(-size // 32) * 32) for size in sizes if size]
    spans = sorted(taken)
    assert all(start + size <= following for (start, size), (following, _) in pairwise(spans))
    order.shuffle(taken)
    for offset, size in taken:
        heap.give(offset, size)
    assert len(heap.blocks) == 1


def test_an_operation_writes_over_its_only_operand() -> None:
    g = Graph()
    weight = g.stored(0, (64, 64, 1, 1), F32, weight=True)
    product = g.mul_mat(weight, g.input(64, 32))
    g.expand(g.scale(g.scale(product)))
    scheduler = Scheduler(1, pipeline=False, op_offload=True, supports=lambda node, backend: True)
    sizes, _ = buffer_sizes(scheduler.run(g), (128, 32), lambda node, backend: node.nbytes)
    hidden = 64 * 32 * 4
    assert sizes == (2 * hidden, hidden)


def test_a_weight_of_the_host_is_copied_for_a_large_batch() -> None:
    def split_sizes(tokens: int) -> tuple[int, ...]:
        g = Graph()
        near = g.stored(0, (64, 64, 1, 1), F32, weight=True)
        far = g.stored(HOST, (64, 64, 1, 1), F32, weight=True)
        g.expand(g.mul_mat(far, g.mul_mat(near, g.input(64, tokens))))
        scheduler = Scheduler(1, pipeline=False, op_offload=True, supports=lambda node, backend: True)
        return buffer_sizes(scheduler.run(g), (128, 32), lambda node, backend: node.nbytes)[0]

    weight, row = 64 * 64 * 4, 64 * 4
    assert split_sizes(32)[0] >= weight + 2 * 32 * row
    assert split_sizes(31)[0] < weight


def test_a_node_of_an_unknown_operation_is_kept_in_its_place() -> None:
    g = Graph()
    a = g.input(8)
    last = Node("mean", (1, 1, 1, 1), [g.scale(a)])
    g.expand(last)
    assert [node.op for node in g.nodes] == ["scale", "mean"]
    assert g.leafs == [a]


# whole models


@pytest.mark.parametrize("tokens", [512, 2048])
def test_with_flash_attention_the_logits_decide(tokens: int) -> None:
    """``ubatch * (n_vocab + n_embd) * 4``: 258.5 MiB for Llama-3.1-8B at 512."""
    found = model(vocabulary=128256, embd=4096, heads_kv=8, feed=14336)
    settings = Settings(n_ctx=4096, n_parallel=1, n_ubatch=tokens, flash_attention="on")
    assert project(found, settings).usages[0].compute == tokens * (128256 + 4096) * 4


def test_without_flash_attention_the_scores_decide() -> None:
    found = model(embd=2048, heads_kv=8)
    settings = Settings(n_ctx=32768, n_parallel=1, flash_attention="off")
    scores = 32 * 32768 * 512 * 4
    mask = 32768 * 512 * 4
    assert scores + mask <= project(found, settings).usages[0].compute <= scores + 2 * mask


def test_a_quantised_cache_costs_an_f16_copy_of_one_layer() -> None:
    found = model(heads_kv=8, vocabulary=1000)
    plain = Settings(n_ctx=131072, n_parallel=1, flash_attention="on")
    quantised = Settings(
        n_ctx=131072, n_parallel=1, flash_attention="on", cache_type_k="q8_0", cache_type_v="q8_0"
    )
    copy = 131072 * (512 + 512) * 2
    more = project(found, quantised).usages[0].compute - project(found, plain).usages[0].compute
    assert copy // 2 < more <= copy


def test_each_fourth_layer_of_smollm3_has_no_rotary_embeddings() -> None:
    """Its K and V are then made in another order, which costs one hidden state more, as measured."""
    layers = model(architecture="smollm3", layers=8).layers
    assert [il for il, layer in enumerate(layers) if layer.unrotated] == [3, 7]
    settings = Settings(n_ctx=16384, n_parallel=1, flash_attention="on")
    rotated, unrotated = (
        project(model(architecture=name, embd=2048, feed=6144, heads_kv=8, vocabulary=100_000), settings)
        for name in ("xverse", "smollm3")
    )
    assert unrotated.usages[0].compute - rotated.usages[0].compute == 512 * 2048 * 4


def test_several_gpus_keep_four_copies_of_their_inputs() -> None:
    found = model()
    settings = Settings(n_ctx=32768, n_parallel=1, flash_attention="on")
    one, two = project(found, settings), project(found, settings, gpus=2)
    assert not one.pipeline
    assert two.pipeline
    mask = 32768 * 512 * 2
    assert two.usages[0].compute >= 4 * mask
    assert not project(found, settings, offloaded=8, gpus=2).pipeline


def test_splits_follow_the_devices() -> None:
    found = model()
    settings = Settings(n_ctx=4096, n_parallel=1)
    assert project(found, settings).splits == 2
    assert project(found, settings, gpus=3).splits == 4


def test_an_architecture_without_a_graph_gets_a_bound() -> None:
    known, unknown = model(), model(architecture="llama-of-tomorrow")
    settings = Settings(n_ctx=4096, n_parallel=1)
    assert project(unknown, settings).splits is None
    assert project(unknown, settings).usages[0].compute > project(known, settings).usages[0].compute


@hypothesis_settings(deadline=None)
@given(st.integers(1, 15), st.integers(1, 8), st.sampled_from(["on", "off"]))
def test_more_context_never_needs_less(blocks: int, offloaded: int, flash: FlashAttention) -> None:
    """But for holes of a few hidden states that a best fit leaves or doesn't."""
    found = model(layers=4, embd=512, heads_kv=2, feed=1024, vocabulary=2000)
    holes = 4 * 512 * 512 * 4

    def totals(n_ctx: int) -> tuple[int, int]:
        settings = Settings(n_ctx=n_ctx, n_parallel=1, flash_attention=flash)
        usages = project(found, settings, offloaded=offloaded).usages
        return sum(usage.model + usage.context for usage in usages), sum(usage.compute for usage in usages)

    stored, computed = totals(blocks * 256)
    stored_more, computed_more = totals((blocks + 1) * 256)
    assert stored <= stored_more
    assert computed <= computed_more + holes


@pytest.mark.parametrize("layers", [12, 13, 40])
@pytest.mark.parametrize("architecture", ["llama", "gemma3", "smollm3"])
@pytest.mark.parametrize("offloaded", [99, 5, 0])
def test_leaving_out_layers_that_repeat_changes_nothing(
    architecture: str, layers: int, offloaded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"attention.sliding_window": 512}
    found = model(architecture=architecture, layers=layers, vocabulary=1000, extra=extra)
    settings = Settings(n_ctx=16384, n_parallel=1, cache_type_k="q8_0", cache_type_v="q8_0")
    short = project(found, settings, offloaded=offloaded)

    def keep_all(keys: Sequence[object], *_: int) -> tuple[list[int], list[object]]:
        return list(range(len(keys))), []

    monkeypatch.setattr("launcher.core.memory.compute.condense", keep_all)
    assert short == project(found, settings, offloaded=offloaded)


# leaving out layers


def test_what_one_layout_was_measured_at_does_not_count_for_another() -> None:
    found = model(layers=40)
    settings = Settings(n_ctx=4096, n_parallel=1)
    projector = Projector(found, settings, 1)
    for offloaded in (10, 30):
        layout = Layout(homes=homes(40, offloaded, (1.0,)), exceptions=((),) * 40, offloaded=offloaded)
        assert projector(layout, 4096, "close") == Projector(found, settings, 1)(layout, 4096, "exact")


def test_a_run_of_equal_layers_keeps_a_few() -> None:
    kept, runs = condense("xaaaaaaaay", 3)
    assert [("xaaaaaaaay")[index] for index in kept] == list("xaaay")
    assert [run.times for run in runs] == [5]


def test_a_run_can_be_shortened_by_pairs_only() -> None:
    kept, runs = condense("aaaaaaaaa", 4, 2)
    assert len(kept) == 5
    assert [(run.times, run.leaving - run.steady) for run in runs] == [(2, 2)]


@hypothesis_settings(deadline=None)
@given(st.text("ab", max_size=40), st.integers(2, 3), st.integers(1, 3))
def test_what_is_left_out_is_a_whole_number_of_repetitions(keys: str, fewest: int, period: int) -> None:
    kept, runs = condense(keys, fewest + period - 1, period)
    assert kept == sorted(set(kept))
    assert len(keys) - len(kept) == sum(run.times * (run.leaving - run.steady) for run in runs)
    assert keys[:1] == "".join(keys[index] for index in kept[:1])
    assert keys[-1:] == "".join(keys[index] for index in kept[-1:])


def test_an_outline_has_each_kind_of_layer_twice() -> None:
    assert outline("aabaab") == [0, 2, 1, 5]
