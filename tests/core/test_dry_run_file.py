"""The file of a dry run: the model's shapes, and nothing that costs time or space."""

from gguf_bytes import STRING, TYPES, U32, MemorySource, small_file
from launcher.core.dry_run.file import dry_file
from launcher.core.gguf_reader import read_part
from launcher.core.gguf_split import read_header
from launcher.core.header import Header, MetadataValue, Tensor

FULL = small_file()


def header_of(data: bytes) -> Header:
    return read_header([MemorySource(data)], TYPES, "file")


def test_it_has_the_shapes_of_the_model_without_its_vocabulary() -> None:
    full = header_of(FULL)
    made = dry_file(full)
    part = read_part(MemorySource(made.header, length=made.size), TYPES)
    assert part.tensors == full.tensors
    assert {pair.key: pair.value for pair in part.pairs} == {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.rope.freq_base": 0.5,
        "llama.some_flag": True,
        "llama.attention.head_count_kv": (8, 4),
        "llama.vocab_size": 2000,
        "tokenizer.ggml.model": "none",
    }


def test_it_is_as_long_as_a_file_with_all_tensor_data() -> None:
    made = dry_file(header_of(FULL))
    part = read_part(MemorySource(made.header, length=made.size), TYPES)
    assert part.data_start == len(made.header)
    assert part.data_start + part.data_bytes <= made.size


def test_values_have_the_types_that_the_engine_asks_for() -> None:
    metadata: dict[str, MetadataValue] = {
        "general.architecture": "x",
        "x.count": 7,
        "x.negative": -1,
        "x.large": 1 << 40,
        "x.ratio": 0.5,
        "x.sections": (1, -1),
        "x.empty": (),
        "split.count": 3,
    }
    tensor = Tensor(name="a", shape=(2,), type=0, nbytes=8)
    made = dry_file(Header(metadata=metadata, tensors=(tensor,), file_bytes=0, source="file"))
    kinds = {
        pair.key: pair.type for pair in read_part(MemorySource(made.header, length=made.size), TYPES).pairs
    }
    assert kinds == {
        "general.architecture": STRING,
        "x.count": U32,
        "x.negative": 5,
        "x.large": 10,
        "x.ratio": 6,
        "x.sections": 5,
        "tokenizer.ggml.model": STRING,
    }
