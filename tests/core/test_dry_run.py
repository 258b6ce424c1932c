"""What the engine is asked, and what is made of its answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.dry_run import (
    Answer,
    Question,
    doubts_of,
    fit_question,
    fitted_words,
    measure_question,
    read_fit,
    read_load,
    streams_of,
    understood,
)
from launcher.core.dry_run.answers import is_cut_short, trimmed
from launcher.core.dry_run.commands import direct_command, docker_command
from launcher.core.errors import LauncherError
from launcher.core.header import Header
from launcher.core.machine import Gpu, Machine
from launcher.core.units import MIB

DATA = Path(__file__).parents[1] / "data" / "engine"
GPU = Gpu(name="RTX 4090", total=24080 * MIB, free=23600 * MIB, compute_capability="8.9", uuid="GPU-1")
DESK = Machine(name="desk", gpus=(GPU, replace(GPU, uuid="GPU-2", pci="0000:02:00.0")))
NO_GPU = Machine(name="cpu", gpus=())

FIT = Question(environment=(), words=(), fits=True)
MEASURE = replace(FIT, fits=False)


def answer(question: Question, output: str = "", log: str = "", status: int = 0) -> Answer:
    return Answer(question=question, status=status, output=output, log=log, command="llama fit-params -m x")


def captured(kind: str) -> Answer:
    question = FIT if kind == "fit" else MEASURE
    output, log = ((DATA / f"desk.{kind}.{end}").read_text(encoding="utf-8") for end in ("out", "log"))
    return answer(question, output, log)


def header(**metadata: int) -> Header:
    named = {key.replace("_dot_", "."): value for key, value in metadata.items()}
    return Header(metadata={"general.architecture": "x", **named}, tensors=(), file_bytes=0, source="file")


def test_only_what_decides_the_layout_is_asked() -> None:
    environment = {
        "LLAMA_ARG_CTX_SIZE": "4096",
        "LLAMA_ARG_HOST": "0.0.0.0",
        "LLAMA_ARG_FIT_TARGET": "128,1024",
        "LLAMA_ARG_FIT": "on",
        "CUDA_VISIBLE_DEVICES": "GPU-1",
    }
    command = ("--jinja", "-ub", "256", "--temp", "-1.0", "--no-op-offload", "--chat-template-kwargs", "{}")
    asked = understood(environment, command)
    assert asked.environment == (("LLAMA_ARG_CTX_SIZE", "4096"), ("LLAMA_ARG_FIT_TARGET", "128,1024"))
    assert asked.words == ("-ub", "256", "--no-op-offload")


def test_a_fit_is_asked_for_reasons_and_a_measurement_for_details() -> None:
    asked = understood({}, ("-c", "512"))
    fit, measure = fit_question(asked, 4), measure_question(asked, 4, ("-ngl", "3"))
    assert fit.words == ("-m", "{model}", "-c", "512", "-np", "4", "-lv", "4")
    assert measure.words == (*fit.words[:6], "-ngl", "3", "--fit-print", "on", "-lv", "5")
    assert (fit.fits, measure.fits) == (True, False)


@pytest.mark.parametrize(
    ("environment", "metadata", "streams", "noted"),
    [
        ({}, {}, 1, False),
        ({"LLAMA_ARG_N_PARALLEL": "2"}, {}, 2, False),
        ({"LLAMA_ARG_N_PARALLEL": "2", "LLAMA_ARG_KV_UNIFIED": "on"}, {}, 1, False),
        ({}, {"x_dot_ssm_dot_state_size": 8}, 4, True),
        ({"LLAMA_ARG_N_PARALLEL": "1"}, {"x_dot_attention_dot_sliding_window": 8}, 1, False),
    ],
)
def test_slots_that_share_a_cache_are_one_sequence_unless_each_has_a_state(
    environment: dict[str, str], metadata: dict[str, int], streams: int, noted: bool
) -> None:
    asked = understood(environment, ())
    assert streams_of(asked, header(**metadata)) == streams
    assert bool(doubts_of(asked, header(**metadata))) is noted


def test_what_the_dry_run_leaves_out_is_a_doubt() -> None:
    asked = understood({"LLAMA_ARG_MMPROJ": "/models/mmproj.gguf"}, ("-md", "/models/draft.gguf"))
    assert doubts_of(asked, header()) == (
        "the dry run does not count the projector",
        "the dry run does not count the draft model",
    )


def test_a_captured_fit_is_read() -> None:
    fit = read_fit(captured("fit"), DESK)
    assert (fit.n_ctx, fit.n_gpu_layers, fit.tensor_split) == (131072, 48, (33, 15))
    assert fit.overrides == ((r"blk\.32\.ffn_down.*", "CUDA1"),)
    assert fitted_words(understood({}, ()), fit) == (
        *("-c", "131072", "-ngl", "48", "-ts", "33,15"),
        *("-ot", r"blk\.32\.ffn_down.*=CUDA1"),
    )


def test_a_captured_measurement_is_read() -> None:
    load = read_load(captured("measure"), DESK)
    assert [row.name for row in load.rows] == ["CUDA0", "CUDA1", "Host"]
    assert [row.usage.total // MIB for row in load.rows] == [23373, 10978, 457]
    assert load.splits == (5, 5)


def test_a_split_that_the_engine_does_not_print_is_all_on_the_first_device() -> None:
    fit = read_fit(replace(captured("fit"), output="-c 512 -ngl 48\n"), DESK)
    assert fit.tensor_split == (48, 0)


def test_layers_that_are_left_alone_need_no_words() -> None:
    fit = read_fit(replace(captured("fit"), output="-c 512 -ngl -1\n"), DESK)
    assert (fit.n_gpu_layers, fit.tensor_split) == (None, None)
    assert fitted_words(understood({}, ()), fit) == ("-c", "512")


def test_layers_that_the_profile_sets_are_not_set_again() -> None:
    fit = read_fit(replace(captured("fit"), output="-c 512 -ngl 20 -ts 0,0\n"), DESK)
    assert fitted_words(understood({}, ("-ngl", "20", "-ts", "0.6,0.4")), fit) == ("-c", "512")


def test_a_fit_that_gives_up_goes_on_with_the_settings_as_given() -> None:
    log = captured("fit").log + (
        "common_params_fit_impl: context size reduced from 202752 to 4096 -> need 7 MiB less\n"
        "common_fit_params: failed to fit params to free device memory: n_gpu_layers already set by"
        " user to 40, abort\n"
    )
    fit = read_fit(answer(FIT, log=log, status=1), DESK)
    assert (fit.gave_up, fit.n_ctx) == ("n_gpu_layers already set by user to 40", 4096)


@pytest.mark.parametrize("output", ["", "-c 512", "-c 512 -ngl x", "-c 512 -ngl 1 -new 2", "words"])
def test_flags_of_an_unknown_form_are_an_error_with_the_command(output: str) -> None:
    with pytest.raises(LauncherError, match="Run it again: llama fit-params -m x"):
        read_fit(replace(captured("fit"), output=output), DESK)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (answer(MEASURE, status=1, log="error: unknown command 'fit-params'"), "has no fit-params"),
        (answer(MEASURE, status=1, log="a\nerror: no such tensor"), "failed (exit 1):\na\nerror: no such"),
        (answer(MEASURE, status=-6), "was ended by signal 6:\nit said nothing"),
        (answer(MEASURE, output="garbage"), "can't be read: no memory table"),
        (answer(MEASURE, output="Host 1 2 3 \n"), "found no GPU, though machine desk has 2"),
        (answer(MEASURE, output="CUDA0 1 2 3 \nHost 1 2 3 \n"), "no size of the context in its log"),
    ],
)
def test_an_engine_that_fails_is_never_replaced_by_a_guess(given: Answer, message: str) -> None:
    with pytest.raises(LauncherError) as caught:
        read_load(given, DESK)
    assert message in str(caught.value)
    assert "llama fit-params -m x" in str(caught.value)


def test_a_failed_fit_is_an_error_too() -> None:
    with pytest.raises(LauncherError, match="cannot open file"):
        read_fit(answer(FIT, status=1, log="error: cannot open file"), DESK)


def test_splits_are_unknown_when_the_log_does_not_tell() -> None:
    log = "llama_context: n_ctx = 512"
    load = read_load(answer(MEASURE, output="CUDA0 1 2 3 \nHost 1 2 3 \n", log=log), DESK)
    assert (load.splits, load.n_ctx, load.layers) == (None, 512, ())


@pytest.mark.parametrize(
    ("given", "cut"),
    [
        (answer(MEASURE, log="splits = 5"), False),
        (answer(MEASURE, log="layer 0"), True),
        (answer(FIT, log=""), False),
        (answer(FIT, status=1, log="common_fit"), True),
        (answer(FIT, status=1, log="error: bad"), False),
        (answer(MEASURE, status=-9), False),
    ],
)
def test_a_log_whose_end_is_missing_is_noticed(given: Answer, cut: bool) -> None:
    assert is_cut_short(given) is cut


def test_a_trimmed_log_says_the_same() -> None:
    whole = captured("measure")
    padded = replace(whole, log="noise\n" + whole.log.replace("\n", "\nnoise\n"))
    assert trimmed(padded.log) == whole.log.rstrip("\n")


QUESTION = Question(
    environment=(("LLAMA_ARG_UBATCH", "256"),), words=("-m", "{model}", "-lv", "4"), fits=True
)


def test_the_binary_is_run_with_the_stand_ins_in_front() -> None:
    command = direct_command("/opt/llama", QUESTION, "/tmp/m.gguf", DESK, "/cache/simgpu")
    assert command.words == ("/opt/llama", "fit-params", "-m", "/tmp/m.gguf", "-lv", "4")
    assert dict(command.environment).keys() == {
        "LLAMA_ARG_UBATCH",
        "LD_LIBRARY_PATH",
        "LAUNCHER_SIMULATED_GPUS",
    }


def test_on_real_gpus_their_order_is_fixed() -> None:
    command = direct_command("/opt/llama", QUESTION, "m", DESK, None)
    assert dict(command.environment)["CUDA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"


def test_a_machine_without_gpus_hides_those_of_this_computer() -> None:
    command = direct_command("/opt/llama", QUESTION, "m", NO_GPU, None)
    assert dict(command.environment)["CUDA_VISIBLE_DEVICES"] == ""


def test_the_image_runs_with_read_only_files_and_no_network() -> None:
    command = docker_command("llama:server", QUESTION, "/tmp/m.gguf", DESK, "/cache/simgpu", "run-1")
    assert command.environment == ()
    assert command.words[:11] == (
        *("docker", "run", "--rm", "--name", "run-1", "--network", "none"),
        *("--read-only", "--cap-drop", "ALL", "--volume=/tmp/m.gguf:/dry-run/model.gguf:ro"),
    )
    assert "--volume=/cache/simgpu:/dry-run/simgpu:ro" in command.words
    assert "--env=LD_LIBRARY_PATH=/dry-run/simgpu" in command.words
    assert command.words[-8:] == (
        *("--entrypoint", "/app/llama", "llama:server"),
        *("fit-params", "-m", "/dry-run/model.gguf", "-lv", "4"),
    )


def test_the_image_gets_real_gpus_by_uuid() -> None:
    command = docker_command("llama:server", QUESTION, "/tmp/m.gguf", DESK, None, "run-1")
    assert '--gpus="device=GPU-1,GPU-2"' in command.words
    assert "--env=CUDA_DEVICE_ORDER=PCI_BUS_ID" in command.words
