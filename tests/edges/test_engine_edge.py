"""Engines that run, fail, hang or lie: scripts in the place of llama.cpp's `llama`."""

import json
import time
from pathlib import Path

import pytest

from launcher.core.dry_run import Question
from launcher.core.dry_run.file import DryFile
from launcher.core.errors import LauncherError
from launcher.core.header import Header
from launcher.core.machine import Gpu, Machine
from launcher.edges.engine import DirectEngine, DockerEngine
from launcher.edges.engine.files import DryFiles
from launcher.edges.files import write_atomic

MEASURE = Question(environment=(("LLAMA_ARG_UBATCH", "8"),), words=("-m", "{model}"), fits=False)
HEADER = Header(metadata={"general.architecture": "x"}, tensors=(), file_bytes=0, source="file")
NO_GPU = Machine(name="cpu", gpus=())
GPU = Machine(name="gpu", gpus=(Gpu(name="A", total=2, free=1, uuid="GPU-1", compute_capability="8.9"),))


def script(tmp_path: Path, body: str, name: str = "llama") -> Path:
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    text = f"#!/bin/sh\n{body}\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return path


def engine(tmp_path: Path, body: str, *, simulated: bool = True, seconds: float = 60) -> DirectEngine:
    binary = script(tmp_path, body)
    return DirectEngine(
        binary, cache=tmp_path / "cache", write=write_atomic, simulated=simulated, seconds=seconds
    )


GOOD = 'echo run >> "$0.runs"; echo "Host 1 2 3 "; echo "splits = 5, noise" >&2; echo noise >&2'


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "bin" / "llama.runs").read_text().splitlines())


def test_the_answer_is_output_log_and_command(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD) as asked:
        answer = asked.ask(MEASURE, HEADER, NO_GPU)
    assert (answer.status, answer.output, answer.log) == (0, "Host 1 2 3 \n", "splits = 5, noise")
    assert answer.command.startswith(f"env LLAMA_ARG_UBATCH=8 CUDA_VISIBLE_DEVICES= {tmp_path}/bin/llama")


def test_the_same_question_is_answered_once(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD) as asked:
        first = asked.ask(MEASURE, HEADER, NO_GPU)
    with engine(tmp_path, GOOD) as again:
        assert again.ask(MEASURE, HEADER, NO_GPU).log == first.log
    assert runs(tmp_path) == 1


def test_another_build_is_asked_again(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD) as asked:
        asked.ask(MEASURE, HEADER, NO_GPU)
    with engine(tmp_path, f"{GOOD}; true") as newer:
        newer.ask(MEASURE, HEADER, NO_GPU)
    assert runs(tmp_path) == 2


def test_real_gpus_are_asked_every_time(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD, simulated=False) as asked:
        asked.ask(MEASURE, HEADER, GPU)
        answer = asked.ask(MEASURE, HEADER, GPU)
    assert runs(tmp_path) == 2
    assert "CUDA_VISIBLE_DEVICES=GPU-1" in answer.command


def test_an_answer_that_was_damaged_is_asked_for_again(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD) as asked:
        asked.ask(MEASURE, HEADER, NO_GPU)
        for kept in (tmp_path / "cache").rglob("*.json"):
            kept.write_text(json.dumps({"output": 1}))
        asked.ask(MEASURE, HEADER, NO_GPU)
    assert runs(tmp_path) == 2


def test_an_answer_that_can_not_be_kept_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "dry-runs").write_text("no folder")
    with engine(tmp_path, GOOD) as asked:
        assert asked.ask(MEASURE, HEADER, NO_GPU).output == "Host 1 2 3 \n"
        assert asked.ask(MEASURE, HEADER, NO_GPU).output == "Host 1 2 3 \n"
    assert runs(tmp_path) == 2


def test_a_log_that_was_cut_short_is_asked_for_again(tmp_path: Path) -> None:
    body = 'echo run >> "$0.runs"; [ $(wc -l < "$0.runs") -lt 3 ] || echo "splits = 7" >&2'
    with engine(tmp_path, body) as asked:
        assert asked.ask(MEASURE, HEADER, NO_GPU).log == "splits = 7"
    assert runs(tmp_path) == 3


def test_the_engine_sees_its_own_variables_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "17")
    with engine(tmp_path, 'env | grep LLAMA_; echo "splits = 1" >&2') as asked:
        assert asked.ask(MEASURE, HEADER, NO_GPU).output == "LLAMA_ARG_UBATCH=8\n"


def test_an_engine_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    body = 'sleep 600 & echo $! > "$0.child"; wait'
    asked = engine(tmp_path, body, seconds=0.5)
    with pytest.raises(LauncherError, match=r"was not done after 0\.5 seconds") as caught, asked:
        asked.ask(MEASURE, HEADER, NO_GPU)
    assert "run it again: env LLAMA_ARG_UBATCH=8" in str(caught.value)
    child = Path("/proc", (tmp_path / "bin" / "llama.child").read_text().strip(), "stat")
    for _ in range(100):
        if not child.exists() or child.read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child still runs")


def test_a_crash_is_an_answer_with_the_signal_and_its_file_stays(tmp_path: Path) -> None:
    asked = engine(tmp_path, "kill -ABRT $$")
    answer = asked.ask(MEASURE, HEADER, NO_GPU)
    assert answer.status == -6
    asked.__exit__(LauncherError, LauncherError(), None)
    model = Path(answer.command.split()[-1])
    assert model.exists()
    asked.close()
    assert not model.exists()


def test_files_that_are_to_be_kept_stay(tmp_path: Path) -> None:
    with engine(tmp_path, GOOD) as asked:
        model = Path(asked.ask(MEASURE, HEADER, NO_GPU).command.split()[-1])
        asked.keep_files()
    assert model.exists()
    asked.close()


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_binary_that_cannot_be_run_is_an_error(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / "llama"
    if mode is not None:
        path.touch(mode=mode)
    with pytest.raises(LauncherError, match=r"no such program\n  hint: .*make engine"):
        DirectEngine(path, cache=tmp_path, write=write_atomic, simulated=True)


def test_a_program_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    binary = script(tmp_path, "")
    binary.write_bytes(b"\x7fELFgarbage")
    asked = DirectEngine(binary, cache=tmp_path, write=write_atomic, simulated=True)
    with pytest.raises(LauncherError, match=r"can't run .*llama: Exec format error"), asked:
        asked.ask(MEASURE, HEADER, NO_GPU)
    asked.close()


def test_an_image_is_identified_run_and_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = 'echo "$@" >> "$0.runs"; case $1 in image) echo sha256:1;; run) exec sleep 600;; esac'
    docker = script(tmp_path, body, "docker")
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    asked = DockerEngine(
        "llama:server", cache=tmp_path / "cache", write=write_atomic, simulated=True, seconds=1
    )
    with pytest.raises(LauncherError, match="was not done"), asked:
        asked.ask(MEASURE, HEADER, NO_GPU)
    asked.close()
    inspected, ran, removed = docker.with_name("docker.runs").read_text().splitlines()
    assert inspected == "image inspect --format={{.Id}} llama:server"
    name = ran.split()[3]
    assert removed == f"rm --force {name}"


def test_an_image_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = script(tmp_path, "echo 'Error: No such image: llama:server' >&2; exit 1", "docker")
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    with (
        pytest.raises(LauncherError, match=r"No such image: llama:server\n  hint: docker pull llama:server"),
        DockerEngine("llama:server", cache=tmp_path, write=write_atomic, simulated=True) as asked,
    ):
        asked.ask(MEASURE, HEADER, NO_GPU)


def test_a_dry_file_is_mostly_a_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = DryFiles()
    path = files.path(DryFile(header=b"GGUF" * 10, size=1 << 38))
    assert files.path(DryFile(header=b"GGUF" * 10, size=1 << 38)) == path
    assert path.stat().st_size == 1 << 38
    assert path.stat().st_blocks * 512 < 1 << 20
    files.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_large_files_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = DryFiles()
    with pytest.raises(LauncherError, match=r"no file of .* bytes can be made") as caught:
        files.path(DryFile(header=b"GGUF", size=(1 << 63) - 1))
    assert "TMPDIR" in str(caught.value)
    files.remove()
