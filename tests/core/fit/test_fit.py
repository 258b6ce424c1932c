"""Placement: what the engine's fit does, and where it gives up."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from launcher.core.fit import Placement, place
from launcher.core.fit.shares import Fraction, Share, moves
from launcher.core.machine import Gpu, Machine
from launcher.core.settings import Settings
from launcher.core.units import GIB, MIB
from models import model


def machine(*free: int, host: int = 64 * GIB) -> Machine:
    """GPUs with so many free MiB."""
    gpus = tuple(Gpu(name="GPU", total=(mib + 400) * MIB, free=mib * MIB) for mib in free)
    return Machine(name="test", gpus=gpus, host_memory=host, host_free=host)


def asked(**options: object) -> Settings:
    return Settings(n_parallel=1, **{"n_ctx": 4096, **options})  # type: ignore[arg-type]


def kept(placement: Placement) -> bool:
    return all((line.left or 0) >= (line.margin or 0) for line in placement.fitted.gpus)


DENSE = model(layers=16)
MOE = model(layers=12, experts=32, architecture="qwen3moe", feed=1024)


def test_nothing_changes_when_all_fits() -> None:
    found = place(DENSE, asked(), machine(8000))
    assert not found.changed
    assert found.n_gpu_layers is None
    assert found.initial == found.fitted
    assert found.fitted.gpus[0].layers == 17


def test_parts_sum_to_totals() -> None:
    found = place(DENSE, asked(), machine(8000, 8000))
    for line in found.fitted.devices:
        assert line.usage.total == line.usage.model + line.usage.context + line.usage.compute
    assert sum(line.layers or 0 for line in found.fitted.devices) == 17


def test_a_dense_model_leaves_whole_layers_on_the_host() -> None:
    found = place(DENSE, asked(), machine(1450))
    assert found.changed
    assert found.n_gpu_layers is not None
    assert 0 < found.n_gpu_layers < 17
    assert found.overrides == ()
    assert kept(found)
    one_more = place(DENSE, asked(n_gpu_layers=found.n_gpu_layers + 1), machine(1450))
    assert not kept(one_more)


def test_a_model_of_experts_leaves_experts_on_the_host() -> None:
    found = place(MOE, asked(), machine(2600))
    assert found.n_gpu_layers == 13
    assert found.overrides
    assert all(target == "CPU" for _, target in found.overrides)
    last, _ = found.overrides[-1]
    assert last.startswith(r"blk\.12"), "the engine's list ends with a layer that doesn't exist"
    assert found.fitted.gpus[0].overflow_layers == len(found.overrides) - 1
    assert kept(found)


def test_two_gpus_share_the_layers() -> None:
    found = place(DENSE, asked(), machine(1400, 1250))
    assert found.tensor_split is not None
    assert sum(found.tensor_split) == found.n_gpu_layers


def test_an_unset_context_is_lowered_first() -> None:
    found = place(DENSE, asked(n_ctx=0, fit_ctx=2048), machine(2100))
    assert found.n_gpu_layers is None
    assert 2048 <= found.n_ctx < 32768
    assert found.n_ctx % 256 == 0


@pytest.mark.parametrize(
    ("options", "gpus", "reason"),
    [
        ({"n_gpu_layers": 8}, (1200,), "N_GPU_LAYERS is set to 8"),
        ({"n_gpu_layers": -2}, (1200,), "N_GPU_LAYERS is set to -2"),
        ({"tensor_split": (1.0, 1.0)}, (900, 900), "TENSOR_SPLIT is set"),
        ({"overrides": (("ffn_up", "CPU"),)}, (1200,), "tensor overrides are set"),
        ({"cpu_moe": True}, (1200,), "tensor overrides are set"),
        ({"split_mode": "row"}, (900, 900), "SPLIT_MODE=row can't be fitted"),
    ],
)
def test_the_fit_gives_up(options: dict[str, object], gpus: tuple[int, ...], reason: str) -> None:
    found = place(DENSE, asked(**options), machine(*gpus))
    assert found.gave_up == reason
    assert found.n_gpu_layers is None


def test_it_does_not_give_up_when_all_fits_anyway() -> None:
    assert place(DENSE, asked(n_gpu_layers=8), machine(8000)).gave_up is None


def test_without_the_fit_nothing_is_tried() -> None:
    found = place(DENSE, asked(fit=False), machine(600))
    assert not found.changed
    assert found.gave_up is None
    assert not kept(found)


def test_one_gpu_is_used_with_split_mode_none() -> None:
    found = place(DENSE, asked(split_mode="none", main_gpu=1), machine(500, 8000))
    assert [line.name for line in found.fitted.devices] == ["CUDA0", "Host"]
    assert found.fitted.gpus[0].free == 8000 * MIB


def test_margins_are_positional_and_a_single_one_counts_for_all() -> None:
    single = place(DENSE, asked(fit_target=(256 * MIB,)), machine(8000, 8000))
    assert [line.margin for line in single.fitted.gpus] == [256 * MIB] * 2
    apart = place(DENSE, asked(fit_target=(256 * MIB, 512 * MIB)), machine(8000, 8000))
    assert [line.margin for line in apart.fitted.gpus] == [256 * MIB, 512 * MIB]


def test_without_a_gpu_host_memory_is_what_counts() -> None:
    assert place(DENSE, asked(n_ctx=0), machine(host=64 * GIB)).gave_up is None
    lowered = place(DENSE, asked(n_ctx=0), machine(host=1750 * MIB))
    assert 4096 <= lowered.n_ctx < 32768
    assert place(DENSE, asked(), machine(host=1100 * MIB)).gave_up is not None


def test_an_architecture_without_a_graph_is_doubted() -> None:
    found = place(model(architecture="llama-of-tomorrow"), asked(), machine(24000))
    assert found.doubts == ("no formula is derived for the compute buffers of llama-of-tomorrow",)


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.integers(400, 4000), st.integers(0, 1500), st.integers(1, 800))
def test_more_margin_never_turns_no_into_yes(free: int, margin: int, more: int) -> None:
    def fits(target: int) -> bool:
        found = place(DENSE, asked(fit_target=(target * MIB,)), machine(free))
        return not found.changed and kept(found)

    assert fits(margin) or not fits(margin + more)


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(300, 3000), min_size=1, max_size=3))
def test_layers_are_neither_lost_nor_doubled(free: list[int]) -> None:
    for found in (DENSE, MOE):
        placed = place(found, asked(), machine(*free)).fitted
        assert sum(line.layers or 0 for line in placed.devices) == found.n_layer + 1


def test_partial_layers_come_last_and_only_the_first_has_its_own_fraction() -> None:
    shares = (Share(layers=4, partial=2, fraction=Fraction.UP, target=1), Share(layers=3, partial=1))
    listed = [(move.il, move.fraction, move.target) for move in moves(shares, 9)]
    assert listed == [(4, Fraction.UP, 1), (5, Fraction.MOE, -1), (8, Fraction.MOE, -1)]


@pytest.mark.parametrize(
    ("fraction", "moved"),
    [
        (Fraction.ATTN, "gate_inp gate_exps up_exps down_exps"),
        (Fraction.UP, "gate_inp gate_exps down_exps"),
        (Fraction.GATE, "down_exps"),
        (Fraction.MOE, "gate_exps up_exps down_exps"),
    ],
)
def test_a_fraction_moves_what_its_pattern_matches(fraction: Fraction, moved: str) -> None:
    import re

    names = [f"ffn_{part}.weight" for part in ("gate_inp", "gate_exps", "up_exps", "down_exps", "norm")]
    pattern = re.compile(fraction.pattern(7))
    expected = [f"ffn_{part}.weight" for part in moved.split()]
    assert [name for name in names if fraction.moves(name)] == expected
    assert [name for name in names if pattern.search(f"blk.7.{name}")] == expected
