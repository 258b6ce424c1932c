"""Local files, their cache, and the snapshots that stand in for them."""

import os
from pathlib import Path

import pytest

from gguf_bytes import STRING, U32, Writer, small_file
from launcher.core.errors import LauncherError
from launcher.core.header import HeaderError
from launcher.core.snapshot import Origin, take_snapshot
from launcher.edges.files import write_atomic
from launcher.edges.headers import Headers, open_headers
from launcher.edges.headers.cache import default_folder

WRITE = Writer()


@pytest.fixture
def headers(tmp_path: Path) -> Headers:
    (tmp_path / "models").mkdir()
    return open_headers(tmp_path / "models", tmp_path / "kept", write_atomic)


def put(headers: Headers, name: str, data: bytes) -> Path:
    path = headers.models / name
    path.write_bytes(data)
    return path


def split(number: int) -> bytes:
    pairs = [WRITE.pair("split.no", U32, number), WRITE.pair("split.count", U32, 2)]
    if number == 0:
        pairs.append(WRITE.pair("general.architecture", STRING, "llama"))
    return WRITE.file(pairs, [WRITE.tensor(f"t{number}", [8], 0, 0)], data=32)


def entry() -> Path:
    (path,) = default_folder().iterdir()
    return path


def test_a_file_is_read_then_found_in_the_cache(headers: Headers) -> None:
    path = put(headers, "m.gguf", small_file())
    stat = path.stat()
    first = headers.find("m.gguf")
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert headers.find("m.gguf") == first
    assert (first.source, first.file_bytes, first.architecture) == ("file", stat.st_size, "llama")


def test_a_changed_file_is_read_again(headers: Headers) -> None:
    path = put(headers, "m.gguf", small_file())
    headers.find("m.gguf")
    path.write_bytes(small_file() + bytes(32))
    assert headers.find("m.gguf").file_bytes == path.stat().st_size


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b'["launcher.header/1"]\n{}', b"[]\n[]"])
def test_a_damaged_cache_entry_is_replaced(headers: Headers, damage: bytes) -> None:
    put(headers, "m.gguf", small_file())
    first = headers.find("m.gguf")
    whole = entry().read_bytes()
    entry().write_bytes(damage)
    assert headers.find("m.gguf") == first
    assert entry().read_bytes() == whole


def test_a_damaged_body_below_a_right_stamp_is_replaced(headers: Headers) -> None:
    put(headers, "m.gguf", small_file())
    first = headers.find("m.gguf")
    entry().write_bytes(entry().read_bytes()[:-20])
    assert headers.find("m.gguf") == first


def test_a_cache_that_can_not_be_written_is_no_error(headers: Headers) -> None:
    default_folder().parent.mkdir(parents=True)
    default_folder().write_text("in the way")
    put(headers, "m.gguf", small_file())
    assert headers.find("m.gguf").architecture == "llama"


def test_a_split_model_is_one_header(headers: Headers) -> None:
    put(headers, "m-00001-of-00002.gguf", split(0))
    put(headers, "m-00002-of-00002.gguf", split(1))
    assert [tensor.name for tensor in headers.find("m-00001-of-00002.gguf").tensors] == ["t0", "t1"]


def test_a_missing_part_is_named(headers: Headers) -> None:
    put(headers, "m-00001-of-00002.gguf", split(0))
    with pytest.raises(LauncherError, match=r"m-00002-of-00002\.gguf: part 2 of 2 is missing"):
        headers.find("m-00001-of-00002.gguf")


def test_a_change_of_the_second_part_is_seen(headers: Headers) -> None:
    put(headers, "m-00001-of-00002.gguf", split(0))
    second = put(headers, "m-00002-of-00002.gguf", split(1))
    headers.find("m-00001-of-00002.gguf")
    second.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(HeaderError, match="m-00002-of-00002"):
        headers.find("m-00001-of-00002.gguf")


def test_a_download_cut_short_is_named(headers: Headers) -> None:
    put(headers, "m.gguf", small_file()[:-1])
    with pytest.raises(HeaderError, match="cut short: fetch it again"):
        headers.find("m.gguf")


def test_a_folder_is_no_model(headers: Headers) -> None:
    (headers.models / "m.gguf").mkdir()
    with pytest.raises(LauncherError, match="this is no regular file"):
        headers.find("m.gguf")


def test_a_name_that_can_not_be_is_an_error(headers: Headers) -> None:
    with pytest.raises(LauncherError, match="File name too long"):
        headers.find(f"{'m' * 300}.gguf")


def test_a_snapshot_stands_in_for_a_missing_file(headers: Headers) -> None:
    put(headers, "m.gguf", small_file())
    parts, origin = headers.read_parts("m.gguf")
    headers.keep(headers.snapshots / "m.gguf", take_snapshot(parts, origin))
    (headers.models / "m.gguf").unlink()
    found = headers.find("elsewhere/m.gguf")
    assert (found.source, found.file_bytes) == ("snapshot", len(small_file()))
    assert origin == Origin(kind="file", name="m.gguf", file_bytes=found.file_bytes, modified=origin.modified)


def test_with_neither_file_nor_snapshot_the_next_step_is_named(headers: Headers) -> None:
    with pytest.raises(LauncherError, match="launcher snapshot URL"):
        headers.find("m.gguf")


def test_a_snapshot_that_can_not_be_written_is_an_error(headers: Headers) -> None:
    in_the_way = put(headers, "file", b"")
    with pytest.raises(LauncherError, match=r"Not a directory|File exists"):
        headers.keep(in_the_way / "m.gguf", b"")
