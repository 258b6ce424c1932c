"""Whole plans as text. LAUNCHER_UPDATE_GOLDEN=1 writes the files anew: read the difference."""

import os
from pathlib import Path

import pytest

from launcher.core.machine import Machine
from launcher.core.plan import plan
from launcher.core.subject import KnownModel, Subject
from planning import GLM, HYBRID, RTX_4090, RTX_5070_TI, TINY, known, machine, profile

GOLDEN = Path(__file__).parents[1] / "golden"
LARGE = "Qwen3.5-122B-A10B-Q4_K_M.gguf"
SPARSE = "Qwen3.5-35B-A3B-Q6_K.gguf"

DESK = machine()
BARE = Machine(name="bare", gpus=(), host_memory=DESK.host_memory)


def served(model: str, **settings: str) -> Subject:
    """A production profile with these keys of models.conf."""
    keys = {
        "CTX_SIZE": "262144",
        "CACHE_TYPE_K": "q8_0",
        "CACHE_TYPE_V": "q8_0",
        "FLASH_ATTN": "on",
        "N_PARALLEL": "1",
    }
    given = {key: value for key, value in {**keys, **settings}.items() if value}
    environment = {f"LLAMA_ARG_{key}": value for key, value in given.items()}
    return Subject.of(profile(model, environment=environment), known(model))


LOST = KnownModel.without_header("lost.gguf", "neither the file nor a snapshot is there")
CASES = {
    "two-gpus": (served(GLM, CTX_SIZE="131072"), DESK),
    "single-gpu": (served(TINY, CTX_SIZE="8192"), DESK),
    "offload": (served(LARGE), DESK),
    "fit-goes-wrong": (served(SPARSE), DESK),
    "fit-with-a-larger-target": (served(SPARSE, FIT_TARGET="704,1024"), DESK),
    "less-context": (served(HYBRID, CTX_SIZE=""), machine(RTX_4090, name="one")),
    "layers-given": (served(HYBRID, N_GPU_LAYERS="99"), machine(RTX_5070_TI, name="one")),
    "large-micro-batch": (served(GLM, CTX_SIZE="131072", UBATCH="2048"), DESK),
    "no-gpu": (served(TINY, CTX_SIZE="8192"), BARE),
    "no-header": (Subject.of(profile("lost.gguf"), LOST), DESK),
}


@pytest.mark.parametrize("name", CASES)
def test_the_text_of_a_plan(name: str) -> None:
    about, on = CASES[name]
    text = f"{plan(about, on)}\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("LAUNCHER_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)
