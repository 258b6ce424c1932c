"""images.lock: pins, fallbacks, and the file."""

import pytest

from launcher.core.errors import UsageError
from launcher.core.images import Lock, Pin, lock_text, parse_lock, wanted_image
from launcher.core.render import Site, render
from planning import machine, profile

NAME = "registry/llama.cpp:server"
OLD, NEW = "registry/llama.cpp@sha256:1", "registry/llama.cpp@sha256:2"
LOCK = Lock(pins={NAME: Pin(digest=NEW, fallback=OLD)})


def test_a_pinned_image_goes_before_what_its_name_stands_for() -> None:
    assert LOCK.image(NAME) == NEW
    assert LOCK.image("other:image") == "other:image"


def test_what_was_pinned_becomes_the_fallback() -> None:
    first = Lock().moved(NAME, OLD, None)
    assert first.pins == {NAME: Pin(digest=OLD, fallback=None)}
    assert first.moved(NAME, NEW, "unused") == LOCK


def test_the_image_that_was_here_is_the_fallback_of_the_first_pin() -> None:
    assert Lock().moved(NAME, NEW, OLD) == LOCK


def test_a_rollback_goes_back_and_a_second_one_forth() -> None:
    back = LOCK.rolled_back()
    assert back.image(NAME) == OLD
    assert back.rolled_back() == LOCK


def test_a_rollback_without_fallback_is_refused() -> None:
    with pytest.raises(UsageError, match="no image to fall back to"):
        Lock().moved(NAME, NEW, None).rolled_back()


@pytest.mark.parametrize("lock", [Lock(), LOCK, Lock().moved(NAME, NEW, None)])
def test_the_file_is_read_back(lock: Lock) -> None:
    assert parse_lock(lock_text(lock), "images.lock") == lock


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "launcher.images/2", "images": {}}',
        '{"schema": "launcher.images/1", "images": {"a": {"sha": 1}}}',
        '{"schema": "launcher.images/1", "images": []}',
    ],
)
def test_a_damaged_file_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"images\.lock: is not a lock of images"):
        parse_lock(text, "images.lock")


def test_a_server_is_rendered_from_the_pinned_image() -> None:
    made = profile(image=NAME)
    site = Site(models_dir="/models", project="desk")
    pinned = Site(models_dir="/models", project="desk", lock=LOCK)
    assert render(made, site).image == NAME
    assert render(made, pinned).image == NEW
    assert f"LAUNCHER_IMAGE={NEW}" in render(made, pinned).files[".env"].replace("'", "").replace('"', "")
    assert render(made, pinned).plan_hash != render(made, site).plan_hash


def test_the_image_of_a_profile_is_its_own_or_the_one_for_its_gpus() -> None:
    assert wanted_image(profile(image=NAME), machine()) == NAME
    assert wanted_image(profile(), machine()) == "ghcr.io/ggml-org/llama.cpp:server-cuda"
    assert wanted_image(profile(runtime="embedded"), machine()) is None
