"""Diagnosis of failed starts, on logs of real failures.

``tests/data/logs`` holds what llama-server (build 11160, in its container) and Docker 20.10 said;
only cuda-memory.log is put together from the messages in ggml-cuda.cu and llama-model.cpp.
"""

from pathlib import Path

import pytest

from launcher.core.diagnosis import LINES_SHOWN, diagnose

LOGS = Path(__file__).parents[1] / "data" / "logs"


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("model-missing", "there is no model file /models/absent.gguf", "MODEL"),
        ("model-unreadable", "no permission to read /models/private.gguf", "readable"),
        ("split-incomplete", "a part of the model is missing: /models/big-00002-of-00003.gguf", "all parts"),
        ("truncated", "the model file is incomplete or not GGUF", "again"),
        ("empty", "the model file is incomplete or not GGUF", "again"),
        ("unknown-architecture", "llama.cpp of this image does not know the architecture llamz", "newer"),
        ("unknown-flag", "llama-server of this image knows no --no-such-flag", "EXTRA_ARGS"),
        ("bad-variable", "llama-server does not accept the value of CTX_SIZE", "CTX_SIZE in the profile"),
        ("api-key-missing", "the file with the API key can't be read", "API_KEY_FILE"),
        ("host-memory", "out of host memory: no 2197265.62 MB left", "CTX_SIZE"),
        ("cuda-memory", "out of memory on device 1: no 21504.00 MiB left", "FIT_TARGET"),
        ("docker-port-taken", "the port is taken: 127.0.0.1:18993", "HOST_PORT"),
        ("docker-no-nvidia", "Docker has no NVIDIA runtime", "nvidia-container-toolkit"),
    ],
)
def test_a_known_failure_has_a_cause_and_a_next_step(name: str, what: str, hint: str) -> None:
    found = diagnose(log(name), 1)
    assert found.what == what
    assert found.hint is not None
    assert hint in found.hint


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "no permission on the Docker socket",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
            "Is the docker daemon running?",
            "the Docker daemon does not answer",
        ),
        ("docker: 'compose' is not a docker command.", "Docker Compose v2 is not there"),
        (
            "ggml_cuda_init: failed to initialize CUDA: "
            "CUDA driver version is insufficient for CUDA runtime version",
            "the NVIDIA driver is too old for this image's CUDA",
        ),
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, "
            "please update your driver",
            "the NVIDIA driver is too old for this image, which needs cuda>=12.8",
        ),
        (
            "Error response from daemon: Bind for 127.0.0.1:8080 failed: port is already allocated",
            "the port is taken: 127.0.0.1:8080",
        ),
        (
            'Error response from daemon: invalid mount config for type "bind": '
            "bind source path does not exist: /srv/no models",
            "there is no folder /srv/no models",
        ),
    ],
)
def test_docker_and_driver_messages_are_known(line: str, what: str) -> None:
    assert diagnose([line], None).what == what


def test_a_kill_by_the_kernel_is_told_by_the_exit_code() -> None:
    found = diagnose(log("killed"), 137)
    assert "137" in found.what
    assert found.hint is not None
    assert "dmesg" in found.hint


def test_lines_that_matter_are_the_errors_without_stamps_and_repeats() -> None:
    assert diagnose(log("split-incomplete"), 1).lines == (
        "gguf_init_from_file: failed to open GGUF file '/models/big-00002-of-00003.gguf' "
        "(No such file or directory)",
        "llama_model_load: error loading model: llama_model_loader: failed to load GGUF split from "
        "/models/big-00002-of-00003.gguf",
    )


@pytest.mark.parametrize("exit_code", [None, 0, 1, 139])
def test_an_unknown_failure_shows_its_last_lines(exit_code: int | None) -> None:
    found = diagnose([f"line {number}" for number in range(20)], exit_code)
    assert found.lines == tuple(f"line {number}" for number in range(20 - LINES_SHOWN, 20))
    assert found.hint is None


def test_a_server_that_said_nothing_is_diagnosed_too() -> None:
    assert diagnose([], 1).what == "the server exited with code 1"
