"""What the server downloads itself, and where it is told to keep it."""

from dataclasses import replace

import pytest

from launcher.core.downloads import download_settings, downloads
from launcher.core.profiles import Profile


def profile(*command: str, **environment: str) -> Profile:
    return Profile(name="p", environment=environment, command=command, settings={})


@pytest.mark.parametrize(
    "wanting",
    [
        profile(LLAMA_ARG_HF_REPO="a/b:Q4_0"),
        profile(LLAMA_ARG_MMPROJ_URL="http://c/d"),
        profile("--jinja", "-hf", "a/b"),
        profile("--spec_draft_hf", "a/b"),
    ],
)
def test_a_repository_or_an_address_is_downloaded(wanting: Profile) -> None:
    assert downloads(wanting)
    assert download_settings(wanting, "/kept") == {"LLAMA_CACHE": "/kept"}


def test_files_below_the_models_folder_are_not() -> None:
    local = profile("--temp", "1.0", "--no-such-flag", LLAMA_ARG_CTX_SIZE="1024")
    assert not downloads(local)
    assert download_settings(local, "/kept") == {}


@pytest.mark.parametrize(
    "wanting",
    [profile(LLAMA_ARG_MODEL_URL="http://c/d/e.gguf?download=true"), profile("-mu", "http://c/e.gguf")],
)
def test_the_file_of_an_address_is_named_too(wanting: Profile) -> None:
    assert download_settings(wanting, "/kept")["LLAMA_ARG_MODEL"] == "/kept/e.gguf"
    assert "LLAMA_ARG_MODEL" not in download_settings(replace(wanting, model="e.gguf"), "/kept")
