"""Environment and command line become Settings as llama-server reads them."""

import pytest

from launcher.core.errors import UsageError
from launcher.core.settings import Settings
from launcher.core.settings_reader import read_settings
from launcher.core.units import MIB


def test_nothing_given_is_the_servers_defaults() -> None:
    assert read_settings({}, ()) == Settings()


def test_variables_are_read() -> None:
    settings = read_settings(
        {
            "LLAMA_ARG_CTX_SIZE": "131072",
            "LLAMA_ARG_FIT_TARGET": "128,1024",
            "LLAMA_ARG_FLASH_ATTN": "enabled",
            "LLAMA_ARG_TENSOR_SPLIT": "3,1",
            "LLAMA_ARG_CACHE_RAM": "0",
            "LLAMA_ARG_KV_OFFLOAD": "off",
            "HF_TOKEN": "not memory",
        },
        (),
    )
    assert settings.n_ctx == 131072
    assert settings.fit_target == (128 * MIB, 1024 * MIB)
    assert settings.flash_attention == "on"
    assert settings.tensor_split == (3.0, 1.0)
    assert settings.cache_ram == 0
    assert not settings.kv_offload


def test_a_flag_beats_its_variable() -> None:
    assert read_settings({"LLAMA_ARG_CTX_SIZE": "4096"}, ("-c", "8192")).n_ctx == 8192


@pytest.mark.parametrize(
    ("environment", "command", "fit_ctx"),
    [
        ({}, (), 4096),
        ({"LLAMA_ARG_CTX_SIZE": "0"}, (), 2**31 - 1),
        ({"LLAMA_ARG_CTX_SIZE": "0", "LLAMA_ARG_FIT_CTX": "8192"}, (), 8192),
        ({"LLAMA_ARG_FIT_CTX": "8192"}, ("-c", "0"), 2**31 - 1),
        ({}, ("-c", "0", "-fitc", "8192"), 8192),
        ({}, ("-fitc", "8192", "-c", "0"), 2**31 - 1),
    ],
)
def test_a_context_of_0_in_so_many_words_is_not_lowered(
    environment: dict[str, str], command: tuple[str, ...], fit_ctx: int
) -> None:
    settings = read_settings(environment, command)
    assert (settings.n_ctx, settings.fit_ctx) == (0, fit_ctx)


def test_a_negated_flag_turns_off() -> None:
    settings = read_settings({}, ("--no-op-offload", "--no-kv-offload", "--jinja"))
    assert (settings.op_offload, settings.kv_offload) == (False, False)


def test_overrides_add_up_in_order() -> None:
    settings = read_settings({"LLAMA_ARG_OVERRIDE_TENSOR": "a=CPU"}, ("-ot", r"b\d=CUDA0,c=CPU"))
    assert settings.overrides == (("a", "CPU"), (r"b\d", "CUDA0"), ("c", "CPU"))


@pytest.mark.parametrize(
    ("text", "layers"), [("auto", None), ("-1", None), ("all", -1), ("-2", -1), ("0", 0), ("99", 99)]
)
def test_layers_may_be_words(text: str, layers: int | None) -> None:
    assert read_settings({"LLAMA_ARG_N_GPU_LAYERS": text}, ()).n_gpu_layers == layers


def test_slots_below_zero_are_auto() -> None:
    assert read_settings({"LLAMA_ARG_N_PARALLEL": "-1"}, ()).n_parallel is None


@pytest.mark.parametrize(
    ("mode", "mmap", "mlock"), [("auto", True, False), ("none", False, False), ("mmap+mlock", True, True)]
)
def test_load_mode(mode: str, mmap: bool, mlock: bool) -> None:
    settings = read_settings({"LLAMA_ARG_LOAD_MODE": mode}, ())
    assert (settings.mmap, settings.mlock) == (mmap, mlock)


def test_a_value_that_the_server_refuses_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"LLAMA_ARG_CTX_SIZE": "auto "}, ())
    assert str(caught.value) == "CTX_SIZE: expected an integer, got 'auto '"
