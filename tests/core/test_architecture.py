"""What a model is, told from its header: the shipped ones, and small ones made here."""

from pathlib import Path

import pytest

from gguf_bytes import TYPES, MemorySource
from launcher.core.architecture import Architecture, CacheCost, describe
from launcher.core.errors import LauncherError
from launcher.core.gguf_split import read_header
from launcher.core.header import Header, MetadataValue, SkippedArray, Tensor
from launcher.core.model import Model, features
from launcher.core.subject import KnownModel
from launcher.edges.headers.types import tensor_types

SHIPPED = Path(__file__).parents[2] / "profiles" / "headers"


def shipped_header(name: str) -> Header:
    return read_header([MemorySource((SHIPPED / f"{name}.gguf").read_bytes())], tensor_types(), "file")


def shipped(name: str) -> Architecture:
    return describe(shipped_header(name), tensor_types())


@pytest.mark.parametrize(
    ("name", "billions", "active", "words"),
    [
        ("GLM-4.7-Flash-Q8_0", 29.94, 3.90, ("moe", "mla")),
        ("Qwen3.5-35B-A3B-Q6_K", 34.66, 3.45, ("moe", "hybrid")),
        ("Qwen3.5-122B-A10B-Q4_K_M", 122.11, 9.77, ("moe", "hybrid")),
        ("Qwen3.5-27B-Q6_K", 26.90, 26.90, ("hybrid",)),
        ("gpt-oss-120b-MXFP4", 116.83, 5.71, ("moe", "swa")),
        ("SmolLM2-135M-Instruct.Q4_1", 0.13, 0.13, ()),
    ],
)
def test_parameters_and_features_of_shipped_models(
    name: str, billions: float, active: float, words: tuple[str, ...]
) -> None:
    found = shipped(name)
    assert (round(found.parameters / 1e9, 2), round(found.active_parameters / 1e9, 2)) == (billions, active)
    assert found.features == words


def test_a_plan_and_inspect_have_the_same_words_for_what_a_model_is() -> None:
    header = shipped_header("Qwen3.5-35B-A3B-Q6_K")
    assert KnownModel.of(None, header).facts.features == describe(header, tensor_types()).features


def test_a_mixture_of_experts_with_latent_attention() -> None:
    found = shipped("GLM-4.7-Flash-Q8_0")
    assert found.experts is not None
    assert found.attention is not None
    experts, attention = found.experts, found.attention
    assert (experts.routed, experts.used, experts.shared, experts.dense_layers) == (64, 4, 1, 1)
    assert (attention.kind, attention.cached_layers, attention.window_layers) == ("mla", 47, 0)
    assert found.recurrence is None
    assert found.cache[0] == CacheCost(cache_type="f16", per_1000_tokens=47 * 576 * 2 * 1000, windows=0)
    assert [(share.name, share.tensors) for share in found.quantization] == [("Q8_0", 563), ("F32", 281)]
    assert (found.header, found.context_length, found.vocabulary) == ("reconstructed", 202752, 154880)


def test_a_hybrid_keeps_a_cache_in_few_layers() -> None:
    found = shipped("Qwen3.5-122B-A10B-Q4_K_M")
    assert found.attention is not None
    assert found.recurrence is not None
    assert found.experts is not None
    assert found.experts.shared == 1
    assert (found.attention.kind, found.attention.cached_layers) == ("gqa", 12)
    assert (found.recurrence.kind, found.recurrence.layers) == ("DeltaNet", 36)
    assert [cost.per_1000_tokens for cost in found.cache] == [24576000, 24576000 * 34 // 64]


def test_sliding_windows_cost_a_fixed_amount() -> None:
    found = shipped("gpt-oss-120b-MXFP4")
    assert found.attention is not None
    assert (found.attention.window_layers, found.attention.window) == (18, 128)
    layer = 2 * 8 * 64 * 2
    assert found.cache[0] == CacheCost(
        cache_type="f16", per_1000_tokens=18 * layer * 1000, windows=18 * 128 * layer
    )


def small(metadata: dict[str, MetadataValue], tensors: dict[str, tuple[int, ...]]) -> Header:
    """A header of two layers, eight wide; `metadata` without the architecture's prefix."""
    architecture = str(metadata.pop("architecture", "llama"))
    keys: dict[str, MetadataValue] = {
        "block_count": 2, "embedding_length": 8, "context_length": 64,
        "attention.head_count": 4, "attention.head_count_kv": 4, **metadata,
    }  # fmt: skip
    return Header(
        metadata={
            "general.architecture": architecture,
            "general.name": "a\x1b[31mmodel",
            "tokenizer.ggml.tokens": SkippedArray(8, 5000),
            **{f"{architecture}.{key}": value for key, value in keys.items()},
        },
        tensors=tuple(Tensor(name, shape, 0, 4) for name, shape in tensors.items()),
        file_bytes=100,
        source="file",
    )


@pytest.mark.parametrize(("heads_kv", "kind"), [(4, "mha"), (2, "gqa"), (1, "mqa"), ((4, 1), "gqa")])
def test_the_kind_of_attention_follows_from_the_heads(heads_kv: MetadataValue, kind: str) -> None:
    found = describe(small({"attention.head_count_kv": heads_kv}, {}), TYPES)
    assert found.attention is not None
    assert found.attention.kind == kind


def test_active_parameters_leave_out_idle_experts_and_prediction_blocks() -> None:
    tensors = {
        "token_embd.weight": (8, 10),
        "blk.0.ffn_down_exps.weight": (8, 3, 4),
        "blk.0.ffn_down_exps.bias": (8, 4),
        "blk.1.ffn_down.weight": (8, 8),
    }
    facts: dict[str, MetadataValue] = {
        "architecture": "glm4moe",
        "expert_count": 4,
        "expert_used_count": 1,
        "nextn_predict_layers": 1,
    }
    found = describe(small(facts, tensors), TYPES)
    assert found.parameters == 80 + 96 + 32 + 64
    assert found.active_parameters == 80 + 24 + 8
    assert (found.layers, found.mtp_layers, found.features) == (1, 1, ("moe", "mtp"))


def test_a_model_without_attention_has_no_cache() -> None:
    state = {"ssm.conv_kernel": 4, "ssm.inner_size": 16, "ssm.state_size": 2, "ssm.time_step_rank": 1}
    header = small({"architecture": "mamba", **state}, {"blk.0.ssm_x.weight": (16, 5)})
    found = describe(header, TYPES)
    assert found.attention is None
    assert found.recurrence is not None
    assert (found.recurrence.kind, found.recurrence.layers) == ("Mamba", 2)
    assert found.recurrence.state_bytes == 2 * (3 * 16 + 2 * 16) * 4
    assert [cost.per_1000_tokens for cost in found.cache] == [0, 0]
    assert features(Model.of(header)) == ("recurrent",)


def test_a_name_can_not_write_to_the_terminal() -> None:
    assert describe(small({}, {}), TYPES).name == "a[31mmodel"


def test_a_projector_is_no_language_model() -> None:
    header = Header(
        metadata={"general.architecture": "clip", "general.type": "mmproj"},
        tensors=(),
        file_bytes=1,
        source="file",
    )
    with pytest.raises(LauncherError, match=r"no language model: general\.type is mmproj"):
        describe(header, TYPES)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"block_count": 4_294_967_295}, "expected 1 to 512 layers, found 4294967295 of which 0 predict"),
        ({"block_count": 0}, "expected 1 to 512 layers, found 0"),
        ({"nextn_predict_layers": 2}, "found 2 of which 2 predict"),
        ({"embedding_length": -1}, "llama.embedding_length: expected a positive number, found -1"),
        ({"context_length": "long"}, "llama.context_length: expected a number, found str"),
        ({"attention.head_count": (4,)}, "llama.attention.head_count: expected 2 numbers, found 1"),
        (
            {"architecture": "qwen35", "full_attention_interval": 0},
            "qwen35.full_attention_interval: expected a positive number, found 0",
        ),
        (
            {"architecture": "qwen35", "attention.recurrent_layers": (1,)},
            "qwen35.attention.recurrent_layers: expected 2 numbers, found 1",
        ),
    ],
)
def test_figures_that_can_not_be_are_refused(facts: dict[str, MetadataValue], message: str) -> None:
    with pytest.raises(LauncherError) as caught:
        describe(small(dict(facts), {}), TYPES)
    assert message in str(caught.value)
