"""`launcher plan` and `launcher check` from the command line: exit codes, streams, forms."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from launcher import cli
from planning import HEADERS

CONF = """\
[*]
FLASH_ATTN=on
N_PARALLEL=1

[tiny]
MODEL=SmolLM2-135M-Instruct.Q4_1.gguf
CTX_SIZE=8192
PLACEMENT=gpu

[large]
MODEL=Qwen3.5-122B-A10B-Q4_K_M.gguf
CTX_SIZE=8192
MACHINES=small

[lost]
MODEL=lost.gguf
STATUS=retired
"""
SMALL = """\
name: small
host: {memory: 8GiB}
gpus:
  - {name: GPU, total: 7805MiB, free: 7500MiB, compute_capability: "8.9", role: compute}
"""
BARE = "name: bare\nhost: {memory: 8GiB}\ngpus: []\n"

Launch = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    machines = tmp_path / "profiles" / "machines"
    machines.mkdir(parents=True)
    (tmp_path / "profiles" / "headers").symlink_to(HEADERS)
    (machines / "small.yml").write_text(SMALL)
    (machines / "bare.yml").write_text(BARE)
    (tmp_path / "models.conf").write_text(CONF)
    return tmp_path


@pytest.fixture
def launch(project: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Run launcher in the project's folder; the exit code."""
    monkeypatch.chdir(project)
    return lambda *words: cli.run(words)


def test_plan_prints_the_ledger(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "tiny", "--machine", "small") == 0
    text = capsys.readouterr().out
    assert text.startswith("tiny on small: fits\n  all layers on GPU, margins kept\n")
    assert "LLAMA_ARG_FIT_TARGET=128" in text


def test_plan_as_json(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "tiny", "--machine", "small", "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["schema"], value["verdict"], value["machine"]) == ("launcher.plan/1", "fits", "small")


def test_a_plan_that_does_not_hold_exits_with_4(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "large", "--machine", "small") == 4
    assert "does-not-fit" in capsys.readouterr().out


def test_a_model_without_a_header_is_unknown(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "lost", "--machine", "small") == 4
    assert "lost on small: unknown" in capsys.readouterr().out


def test_nothing_is_promised_beside_a_projector_that_is_not_known(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = ("plan", "tiny", "--machine", "small", "--set=MMPROJ=lost.gguf")
    assert launch(*lost) == 4
    assert "what would help" not in capsys.readouterr().out
    assert launch(*lost, "--max-context") != 0
    streams = capsys.readouterr()
    assert not streams.out
    assert "lost.gguf" in streams.err


def test_a_main_gpu_that_the_machine_lacks_is_refused(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("plan", "tiny", "--machine", "small", "--set=SPLIT_MODE=none", "--set=MAIN_GPU=1") == 2
    assert "MAIN_GPU: no GPU 1 on small, which has 1" in capsys.readouterr().err


def test_ctx_and_set_change_the_plan_but_not_the_file(
    launch: Launch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("plan", "tiny", "--machine", "small", "--json", "--ctx=4096", "--set=UBATCH=1024") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["n_ctx"] == 4096
    assert value["environment"]["LLAMA_ARG_UBATCH"] == "1024"
    assert [each["code"] for each in value["findings"] if each["level"] == "warning"] == ["L004", "L013"]
    assert (project / "models.conf").read_text() == CONF


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("plan", "tiny", "--set", "UBTCH=1"), "did you mean UBATCH?"),
        (("plan", "tiny", "--set", "UBATCH"), "--set: expected KEY=VALUE, got 'UBATCH'"),
        (("plan", "tiny", "--set", "UBATCH=many"), "UBATCH: expected an integer"),
        (("plan",), "expected one PROFILE"),
        (("plan", "--compare", "tiny"), "expected two profiles"),
        (("plan", "tyny"), "did you mean tiny?"),
        (("check", "tyny"), "did you mean tiny?"),
        (("check", "--format", "yaml"), "'yaml'"),
    ],
)
def test_misuse_exits_with_2(
    launch: Launch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert launch(*words, "--machine", "small") == 2
    assert message in capsys.readouterr().err


def test_the_largest_context_is_a_number_alone(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "tiny", "--machine", "small", "--max-context") == 0
    assert capsys.readouterr().out == "8192\n"


def test_no_largest_context_exits_with_4(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "tiny", "--machine", "bare", "--max-context") == 4
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "tiny on bare: no context leaves all layers on the GPUs\n")


def test_the_matrix_has_profiles_by_machines(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "--all") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["profile", "bare", "small"] in rows
    assert ["tiny", "fits-with-offload", "fits"] in rows


def test_a_comparison_marks_what_differs(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("plan", "--compare", "tiny", "large", "--machine", "small") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["*", "verdict", "fits", "does-not-fit"] in rows
    assert ["context", "8,192", "8,192"] in rows


def test_check_fails_for_the_profile_that_does_not_fit(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("check") == 4
    text = capsys.readouterr().out

    assert "models.conf:8 [tiny] on bare: error A001" in text
    assert "models.conf:10 [large] on small: error L015" in text
    assert "3 plans, 2 failed" in text


def test_check_of_what_fits_is_0(launch: Launch) -> None:
    assert launch("check", "tiny", "--machine", "small") == 0


def test_unknown_is_allowed_on_request(launch: Launch) -> None:
    assert launch("check", "lost", "--machine", "small") == 4
    assert launch("check", "lost", "--machine", "small", "--allow-unknown") == 0


def test_a_wrong_models_conf_is_2_in_every_form(
    launch: Launch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models.conf").write_text(CONF + "\n[odd]\nMODEL=x.gguf\nCTXSIZE=1\n")
    assert launch("check", "--json") == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert (error["line"], error["hint"]) == (21, "did you mean CTX_SIZE?")
    assert launch("check", "--format", "github") == 2
    assert capsys.readouterr().out.startswith("::error file=models.conf,line=21,")
    assert launch("check") == 2
    assert "models.conf:21 [odd] CTXSIZE: unknown key" in capsys.readouterr().err


def test_a_machine_that_profiles_name_must_be_there(
    launch: Launch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models.conf").write_text(CONF.replace("MACHINES=small", "MACHINES=smal"))
    assert launch("check") == 2
    assert "did you mean small?" in capsys.readouterr().err


def test_reports_can_be_read(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("check", "--format", "junit") == 4
    assert ElementTree.fromstring(capsys.readouterr().out).tag == "testsuites"
    assert launch("check", "--format", "sarif") == 4
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert launch("check", "--format", "json") == 4
    value = json.loads(capsys.readouterr().out)
    assert (value["schema"], len(value["plans"]), value["errors"]) == ("launcher.check/1", 3, [])


def test_the_shipped_profiles_pass_on_the_shipped_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(HEADERS.parents[1])
    assert cli.run(["check"]) == 0
    assert "0 failed" in capsys.readouterr().out


def test_an_engine_that_fails_is_told_with_a_command_that_can_be_run_again(
    launch: Launch, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(project))
    engine = project / "llama"
    engine.write_text("#!/bin/sh\necho broken >&2\nexit 7\n")
    engine.chmod(0o755)
    assert launch("check", "tiny", "--machine", "bare", "--engine", "--engine-bin", str(engine)) == 1
    said = capsys.readouterr().out
    assert "[tiny] on bare: error E004: the dry run failed (exit 7):\nbroken\n" in said
    words = said.partition("run it again: ")[2].split()
    assert words[words.index("-m") - 1] == "fit-params"
    assert Path(words[words.index("-m") + 1]).stat().st_size > 0


def test_an_engine_that_is_not_there_is_an_error(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("check", "tiny", "--machine", "bare", "--engine", "--engine-bin", "nowhere/llama") == 1
    assert "[tiny] on bare: --engine-bin nowhere/llama: no such program" in capsys.readouterr().err


def test_the_limit_of_the_container_counts(
    launch: Launch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docker-compose.yml").write_text("services: {server: {mem_limit: 32m}}")
    assert launch("--machine", "small", "plan", "tiny", "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["host"]["limit_bytes"]) == ("does-not-fit", 32 << 20)
    assert found["reason"].endswith("MiB more than its container may use")
    assert found["findings"][0]["hint"].startswith("MEMORY_LIMIT=")
    assert launch("--machine", "small", "plan", "tiny", "--set", "MEMORY_LIMIT=1GiB", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "fits"
