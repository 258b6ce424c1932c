"""llama-server's words as parameters of the embedded server."""

import pytest

from launcher.core.embedded import Member, Parameter, parameters
from launcher.core.errors import UsageError


def values(environment: dict[str, str], *command: str) -> dict[str, object]:
    return {parameter.path: parameter.value for parameter in parameters(environment, command)}


def test_settings_become_parameters() -> None:
    assert values(
        {
            "LLAMA_ARG_MODEL": "/m/a.gguf",
            "LLAMA_ARG_CTX_SIZE": "4096",
            "LLAMA_ARG_FIT_TARGET": "128,1024",
            "LLAMA_ARG_CACHE_TYPE_K": "q8_0",
            "LLAMA_ARG_FLASH_ATTN": "on",
            "LLAMA_ARG_SPLIT_MODE": "none",
        }
    ) == {
        "model.path": "/m/a.gguf",
        "n_ctx": 4096,
        "fit_params_target": (128 * 1024**2, 1024 * 1024**2),
        "cache_type_k": Member("ggml_type", "GGML_TYPE_Q8_0"),
        "flash_attn_type": Member("llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_ENABLED"),
        "split_mode": Member("llama_split_mode", "LLAMA_SPLIT_MODE_NONE"),
    }


def test_flags_are_understood_in_every_spelling() -> None:
    assert values({}, "--temp", "0.6", "-c", "512", "--no-warmup", "--jinja", "--no-kv-offload") == {
        "sampling.temp": 0.6,
        "n_ctx": 512,
        "warmup": False,
        "use_jinja": True,
        "no_kv_offload": True,
    }


@pytest.mark.parametrize(("text", "value"), [("auto", -1), ("all", -2), ("0", 0), ("12", 12)])
def test_layer_counts(text: str, value: int) -> None:
    assert parameters({"LLAMA_ARG_N_GPU_LAYERS": text}, ()) == (Parameter("n_gpu_layers", value),)


def test_everything_that_cannot_be_taken_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parameters({"LLAMA_ARG_TOOLS": "all"}, ("--lora", "a.gguf"))
    assert [problem.where for problem in refused.value.problems] == ["TOOLS", "--lora"]
    assert "--runtime compose" in str(refused.value)


def test_a_value_that_llama_server_would_not_accept() -> None:
    with pytest.raises(UsageError, match="FLASH_ATTN: llama-server would not accept 'maybe'"):
        parameters({"LLAMA_ARG_FLASH_ATTN": "maybe"}, ())
