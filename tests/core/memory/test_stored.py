"""Weights and caches: bytes per device."""

import pytest

from launcher.core.errors import UsageError
from launcher.core.memory.context import context_bytes
from launcher.core.memory.element import CACHE_TYPES, cache_type
from launcher.core.memory.layout import HOST, Layout, exceptions_of, homes
from launcher.core.memory.sizing import Sizing
from launcher.core.memory.weights import WeightSums, device_bytes, host_bytes
from launcher.core.model import Model
from launcher.core.settings import Settings
from models import Q8_0, model, tensor


def whole(found: Model, gpus: int = 1) -> Layout:
    """All layers on the GPUs, in equal shares."""
    return Layout(
        homes=homes(found.n_layer_all, found.n_layer_all + 1, (1.0,) * gpus),
        exceptions=((),) * found.n_layer_all,
        offloaded=found.n_layer_all + 1,
    )


def test_element_sizes_are_those_of_the_gguf_package() -> None:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    for name, element in CACHE_TYPES.items():
        number = GGMLQuantizationType[name.upper()]
        assert (element.number, element.block, element.block_bytes) == (number, *GGML_QUANT_SIZES[number])


def test_an_unknown_cache_type_names_the_choices() -> None:
    with pytest.raises(UsageError, match="unsupported cache type 'q9'"):
        cache_type("q9")


def test_a_gpu_pads_quantised_rows_to_512_elements() -> None:
    assert device_bytes(tensor("a", 512, 3, kind=Q8_0)) == 1664
    assert device_bytes(tensor("a", 448, 3, kind=Q8_0)) == 1536
    assert host_bytes(tensor("a", 448, 3, kind=Q8_0)) == 1440


def test_weights_sum_to_the_tensors_and_the_embedding_stays_on_the_host() -> None:
    found = model()
    gpu, host = WeightSums(found)(whole(found), 1)
    embedding = found.tensors["token_embd.weight"].nbytes
    assert host == embedding
    assert gpu == sum(one.nbytes for one in found.header.tensors) - embedding


def test_a_tied_output_is_copied_to_the_gpu() -> None:
    apart, tied = model(), model(tied=True)
    assert WeightSums(tied)(whole(tied), 1) == WeightSums(apart)(whole(apart), 1)


def test_without_layers_on_the_gpu_a_tied_output_is_not_copied() -> None:
    found = model(tied=True)
    layout = Layout(homes=(HOST,) * 9, exceptions=((),) * 8, offloaded=0)
    assert WeightSums(found)(layout, 1) == (0, sum(one.nbytes for one in found.header.tensors))


def test_layers_fill_the_devices_in_their_shares_from_the_back() -> None:
    assert homes(4, 5, (3.0, 1.0)) == (0, 0, 0, 0, 1)
    assert homes(4, 3, (1.0,)) == (HOST, HOST, 0, 0, 0)
    assert homes(4, 99, ()) == (HOST,) * 5


def test_the_first_override_that_matches_counts() -> None:
    found = model(layers=2)
    rules = [(r"blk\.1\.ffn_down", "CUDA1"), (r"ffn_.*", "CPU")]
    exceptions, common = exceptions_of(found, rules)
    assert ("ffn_down.weight", 1) in exceptions[1]
    assert ("ffn_down.weight", HOST) in exceptions[0]
    assert common == ()


def test_an_override_to_a_buffer_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown buffer type 'GPU'"):
        exceptions_of(model(layers=1), [("ffn", "GPU")])


@pytest.mark.parametrize("kind", ["f16", "q8_0", "q4_0"])
def test_a_cache_holds_k_and_v_of_each_layer(kind: str) -> None:
    found, element = model(heads_kv=8), cache_type(kind)
    settings = Settings(n_ctx=4096, n_parallel=1, cache_type_k=kind, cache_type_v=kind)
    layout = whole(found)
    sizing = Sizing.of(found, settings, 4096)
    (gpu, host) = context_bytes(found, sizing, settings, layout.homes, 1)
    assert gpu == 8 * 2 * element.nbytes(512) * 4096
    assert host == 0


def test_a_window_holds_the_window_and_one_micro_batch() -> None:
    found = model(architecture="gemma2", layers=2, extra={"attention.sliding_window": 1000})
    settings = Settings(n_ctx=8192, n_parallel=1, n_ubatch=512)
    (gpu, _) = context_bytes(found, Sizing.of(found, settings, 8192), settings, whole(found).homes, 1)
    assert gpu == (8192 + 1536) * 2 * 256 * 2


def test_streams_round_the_context_and_a_unified_cache_does_not() -> None:
    found = model()
    apart = Sizing.of(found, Settings(n_parallel=3), 1000)
    assert (apart.n_ctx, apart.n_ctx_seq, apart.n_streams) == (1536, 512, 3)
    unified = Sizing.of(found, Settings(), 1000)
    assert (unified.n_ctx, unified.n_seqs, unified.n_streams) == (1024, 4, 1)


def test_caches_stay_on_the_host_on_request() -> None:
    found = model()
    settings = Settings(n_ctx=1024, n_parallel=1, kv_offload=False)
    gpu, host = context_bytes(found, Sizing.of(found, settings, 1024), settings, whole(found).homes, 1)
    assert gpu == 0
    assert host == 8 * 2 * 256 * 2 * 1024
