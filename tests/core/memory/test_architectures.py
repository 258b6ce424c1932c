"""Each architecture with a derived graph comes out as the real engine says, to the byte."""

import pytest

from architectures import CONDITIONS, RECIPES, Condition, made_up, recorded
from architectures.recipe import USUAL
from launcher.core.memory.compute import Detail
from launcher.core.memory.graph.architectures import DERIVED, builder_of
from launcher.core.memory.layout import Layout, exceptions_of, homes
from launcher.core.memory.project import Projection, Projector
from launcher.core.model import Model
from launcher.core.settings import Settings

RECORDED = recorded()
DETAILS: tuple[Detail, Detail] = ("outline", "exact")
IN_THE_ORACLE = frozenset(
    {
        "cohere2", "command-r", "deepseek2", "falcon-h1", "gemma2", "gemma3", "gemma3n", "gemma4", "glm4",
        "glm4moe", "gpt-oss", "granitehybrid", "llama", "mamba", "mamba2", "minimax-m2", "mistral3",
        "mistral4", "nemotron_h_moe", "olmo2", "olmoe", "phi3", "qwen2", "qwen3", "qwen35", "qwen35moe",
        "qwen3moe", "qwen3next", "seed_oss",
    }
)  # fmt: skip
"""Architectures with recorded cases in ../shared/oracle."""


def project(model: Model, condition: Condition, detail: Detail = "exact") -> Projection:
    overrides = ((condition.host, "CPU"),) if condition.host else ()
    exceptions, common = exceptions_of(model, overrides)
    layout = Layout(
        homes=homes(model.n_layer_all, condition.layers, (1.0,) * condition.gpus),
        exceptions=exceptions,
        common=common,
        overridden=bool(overrides),
        offloaded=condition.layers,
    )
    settings = Settings(
        n_ctx=condition.n_ctx,
        n_ubatch=condition.n_ubatch,
        n_parallel=condition.n_parallel,
        flash_attention=condition.flash,
        cache_type_k=condition.cache,
        cache_type_v=condition.cache,
    )
    return Projector(model, settings, condition.gpus)(layout, condition.n_ctx, detail)


@pytest.mark.parametrize("name", RECIPES)
def test_every_byte_is_where_the_engine_puts_it(name: str) -> None:
    model = Model.of(made_up(name))
    assert builder_of(model) is not None
    for condition, expected in zip(CONDITIONS, RECORDED[name], strict=True):
        found = project(model, condition)
        devices = tuple((usage.model, usage.context, usage.compute) for usage in found.usages)
        assert (devices, found.splits) == expected, condition


@pytest.mark.parametrize("name", RECIPES)
def test_the_bound_for_what_is_not_derived_would_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.memory.project.builder_of", lambda model: None)
    model = Model.of(made_up(name))
    for condition, (devices, _) in zip(CONDITIONS, RECORDED[name], strict=True):
        bounded = [usage.compute for usage in project(model, condition).usages[:-1]]
        assert all(most >= real for most, (_, _, real) in zip(bounded, devices, strict=False)), condition


def test_each_derived_graph_is_held_to_the_engine() -> None:
    made_up_ones = {name.partition("+")[0] for name in RECIPES}
    assert set(DERIVED) == made_up_ones | IN_THE_ORACLE


@pytest.mark.parametrize("name", ["deepseek32", "glm-dsa"])
@pytest.mark.parametrize("layers", [99, 20])
def test_an_outline_counts_the_zeros_of_all_layers(
    name: str, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine reserves them for every layer at the start; here are sixty."""
    monkeypatch.setattr("architectures.recipe.LAYERS", 60)
    monkeypatch.setitem(USUAL, "block_count", 60)
    model = Model.of(made_up(name))
    outlined, exact = (project(model, Condition(layers=layers), detail) for detail in DETAILS)
    assert [usage.compute for usage in outlined.usages] == [usage.compute for usage in exact.usages]
