"""What the loader reads of a header, per architecture."""

import pytest

from launcher.core.errors import LauncherError
from launcher.core.header import Header
from launcher.core.model import Model
from models import header, model


def test_a_missing_key_is_named() -> None:
    whole = header()
    metadata = {key: value for key, value in whole.metadata.items() if key != "llama.block_count"}
    with pytest.raises(LauncherError, match=r"the header lacks llama\.block_count"):
        Model.of(Header(metadata=metadata, tensors=(), file_bytes=0, source="file"))


def test_heads_of_a_scalar_and_of_an_array() -> None:
    assert {layer.heads_kv for layer in model(layers=3).layers} == {4}
    per_layer = model(layers=3, extra={"attention.head_count_kv": (4, 2, 1)})
    assert [layer.key_width for layer in per_layer.layers] == [256, 128, 64]


def test_an_array_that_is_too_short_is_refused() -> None:
    with pytest.raises(LauncherError, match="expected 3 numbers, found 2"):
        model(layers=3, extra={"attention.head_count_kv": (4, 2)})


@pytest.mark.parametrize(
    ("architecture", "extra", "windowed"),
    [
        ("llama", {}, "FFFFFF"),
        ("gemma2", {}, "TFTFTF"),
        ("gemma3", {"attention.sliding_window": 1024}, "TTTTTF"),
        ("gemma3", {}, "FFFFFF"),
        ("cohere2", {"attention.sliding_window": 4096}, "TTTFTT"),
        ("gpt-oss", {"attention.sliding_window": 128, "attention.sliding_window_pattern": 3}, "TTFTTF"),
        ("cohere2moe", {"attention.sliding_window": 128}, "FTTTFT"),
        ("gemma4", {"attention.sliding_window": 512, "attention.sliding_window_pattern": (1, 0, 1, 0, 1, 0)},
         "TFTFTF"),
    ],
)  # fmt: skip
def test_windows(architecture: str, extra: dict[str, object], windowed: str) -> None:
    found = model(architecture=architecture, layers=6, extra=extra)
    assert "".join("FT"[layer.windowed] for layer in found.layers) == windowed


def test_a_hybrid_keeps_a_cache_where_it_attends_and_a_state_elsewhere() -> None:
    space = {"ssm.conv_kernel": 4, "ssm.inner_size": 2048, "ssm.state_size": 128, "ssm.group_count": 16}
    found = model(architecture="qwen3next", layers=8, extra=space)
    assert [layer.cached for layer in found.layers] == [False, False, False, True] * 2
    assert [layer.recurrent for layer in found.layers] == [True, True, True, False] * 2
    assert found.states == (3 * (2048 + 2 * 16 * 128), 128 * 2048)


def test_a_block_for_prediction_has_no_cache() -> None:
    found = model(layers=5, extra={"nextn_predict_layers": 1})
    assert (found.n_layer, found.n_layer_all, found.nextn_layers) == (4, 5, 1)
    assert [layer.cached for layer in found.layers] == [True] * 4 + [False]


def test_layers_that_share_a_cache_name_the_one_that_they_read() -> None:
    extra = {
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": (1, 0, 1, 0, 1, 0),
        "attention.shared_kv_layers": 2,
    }
    found = model(architecture="gemma4", layers=6, extra=extra)
    assert [layer.reads for layer in found.layers] == [None] * 4 + [2, 3]


def test_layers_of_equal_form_may_differ_in_kind() -> None:
    whole = header(layers=2)
    lighter = tuple(
        one if one.name != "blk.1.ffn_down.weight" else type(one)(one.name, one.shape, 8, one.nbytes // 2)
        for one in whole.tensors
    )
    first, second = Model.of(
        Header(metadata=whole.metadata, tensors=lighter, file_bytes=0, source="file")
    ).layers
    assert first.form == second.form
    assert first.kind != second.kind
