"""The overlay: what is written is what a YAML reader and Compose see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core import overlay
from launcher.core.overlay import Overlay
from launcher.core.units import GIB

WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))).map(tuple)


@given(command=WORDS, key=st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_word_is_read_back(command: tuple[str, ...], key: str | None) -> None:
    meant = Overlay(command=command, api_key_file=key)
    assert overlay.from_yaml(overlay.to_yaml(meant)) == meant


def test_gpus_of_every_vendor_are_read_back() -> None:
    meant = Overlay(
        nvidia=("GPU-1", "GPU-0"),
        device_nodes=("/dev/kfd", "/dev/dri"),
        groups=("44", "105"),
    )
    assert overlay.from_yaml(overlay.to_yaml(meant)) == meant


@pytest.mark.parametrize("gpus", [(), ("GPU-1",)])
def test_a_memory_limit_is_read_back(gpus: tuple[str, ...]) -> None:
    meant = Overlay(nvidia=gpus, memory_limit=48 * GIB)
    written = overlay.to_yaml(meant)
    assert overlay.from_yaml(written) == meant
    assert written.count(str(48 * GIB)) == 2, "in both spellings: Compose refuses two that differ"


def test_the_folder_for_downloads_is_read_back() -> None:
    meant = Overlay(downloads="/srv/my $models/downloads")
    assert overlay.from_yaml(overlay.to_yaml(meant)) == meant


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("--jinja", '"--jinja"'),
        ("$HOME", '"$$HOME"'),
        ('{"a": "b\\n"}', '"{\\"a\\": \\"b\\\\n\\"}"'),
        ("é\u2028", '"é\\U00002028"'),
    ],
)
def test_words_are_quoted_for_yaml_and_for_compose(value: str, written: str) -> None:
    assert overlay.quote(value) == written


def test_what_is_not_needed_is_not_written() -> None:
    text = overlay.to_yaml(Overlay())
    assert not {"command:", "deploy:", "devices:", "secrets:", "group_add:", "volumes:"} & set(text.split())
