"""Snapshots: small, complete, valid for others, and aware of where they come from."""

from dataclasses import replace
from pathlib import Path

import pytest

from gguf_bytes import STRING, TYPES, U32, MemorySource, Writer, small_file
from launcher.core.gguf_split import read_header, read_parts
from launcher.core.gguf_writer import write_header
from launcher.core.header import Header, Tensor, vocabulary_size
from launcher.core.snapshot import (
    Origin,
    OriginKind,
    matches,
    origin_of,
    origin_of_parts,
    snapshot_name,
    take_snapshot,
)

ORIGIN = Origin(kind="file", name="model.gguf", file_bytes=123_456, modified=1_700_000_000)
FULL = small_file()


def snapshot(origin: Origin = ORIGIN, data: bytes = FULL) -> bytes:
    return take_snapshot(read_parts([MemorySource(data)], TYPES), origin)


def header(data: bytes) -> Header:
    return read_header([MemorySource(data)], TYPES, "file")


def test_a_snapshot_keeps_all_but_the_tokenizer_and_the_tensor_data() -> None:
    full, kept = header(FULL), header(snapshot())
    own = {key for key in kept.metadata if key.startswith("launcher.snapshot.")}
    assert kept.tensors == full.tensors
    assert {key: kept.metadata[key] for key in kept.metadata.keys() - own} == {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.rope.freq_base": 0.5,
        "llama.some_flag": True,
        "llama.attention.head_count_kv": (8, 4),
        "llama.vocab_size": 2000,
        "tokenizer.ggml.model": "none",
    }
    assert vocabulary_size(kept.metadata) == vocabulary_size(full.metadata) == 2000


@pytest.mark.parametrize(
    ("kind", "source"), [("file", "snapshot"), ("url", "snapshot"), ("reconstructed", "reconstructed")]
)
def test_a_snapshot_says_where_it_comes_from(kind: OriginKind, source: str) -> None:
    origin = replace(ORIGIN, kind=kind)
    kept = header(snapshot(origin))
    assert (kept.source, kept.file_bytes) == (source, 123_456)
    assert origin_of(kept.metadata) == origin


def test_a_snapshot_of_a_snapshot_is_the_same() -> None:
    assert snapshot(data=snapshot()) == snapshot()
    assert origin_of_parts(read_parts([MemorySource(snapshot())], TYPES)) == ORIGIN
    assert origin_of_parts(read_parts([MemorySource(FULL)], TYPES)) is None


def test_the_gguf_package_reads_a_snapshot_extended_to_its_full_size(tmp_path: Path) -> None:
    from gguf import GGUFReader

    kept = snapshot()
    path = tmp_path / "kept.gguf"
    path.write_bytes(kept)
    with path.open("r+b") as file:
        file.truncate(len(kept) + 480)
    reader = GGUFReader(path)
    assert [(each.name, int(each.n_bytes)) for each in reader.tensors] == [
        ("token_embd.weight", 204),
        ("output_norm.weight", 256),
    ]
    architecture = reader.fields["general.architecture"].contents()
    assert architecture == "llama"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Folder/M-Q8_0.gguf", "M-Q8_0.gguf"),
        ("M-00001-of-00003.gguf", "M.gguf"),
        ("https://host/org/repo/resolve/main/M-00001-of-00002.gguf?download=true", "M.gguf"),
        ("odd?name.gguf", "odd?name.gguf"),
    ],
)
def test_a_snapshot_is_named_after_the_model(model: str, name: str) -> None:
    assert snapshot_name(model) == name


def test_a_snapshot_matches_its_file_until_the_file_is_another() -> None:
    file = header(FULL)
    kept = header(snapshot(replace(ORIGIN, file_bytes=file.file_bytes)))
    other_tensor = (Tensor("token_embd.weight", (64, 3), 1, 384), *file.tensors[1:])
    assert matches(kept, file)
    assert not matches(kept, replace(file, file_bytes=1))
    assert not matches(kept, replace(file, tensors=other_tensor))
    assert not matches(kept, replace(file, metadata={**file.metadata, "llama.block_count": 3}))


def test_a_reconstructed_snapshot_matches_a_file_of_another_size() -> None:
    assert matches(header(snapshot(replace(ORIGIN, kind="reconstructed"))), header(FULL))


def test_a_header_in_big_endian_is_kept_in_little_endian() -> None:
    assert snapshot(data=small_file(">")) == snapshot()


def test_a_stepped_over_array_can_not_be_written() -> None:
    (part,) = read_parts([MemorySource(FULL)], TYPES)
    with pytest.raises(ValueError, match=r"tokenizer\.ggml\.tokens was stepped over"):
        write_header(part.pairs, part.tensors)


def test_a_vocabulary_without_list_has_the_size_that_the_metadata_give() -> None:
    write = Writer()
    pairs = [write.pair("general.architecture", STRING, "llama"), write.pair("llama.vocab_size", U32, 7)]
    assert vocabulary_size(header(write.file(pairs)).metadata) == 7
    assert vocabulary_size(header(write.file(pairs[:1])).metadata) is None
