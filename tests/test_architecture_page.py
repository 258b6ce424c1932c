"""docs/architecture.md speaks of modules that exist."""

import re
from pathlib import Path

import pytest

import launcher

PACKAGE = Path(launcher.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
PLACE = re.compile(r"`((?:core|edges|workflow|console|cli)/[\w/]*(?:\.py)?)`")


@pytest.mark.parametrize("place", sorted(set(PLACE.findall(PAGE.read_text(encoding="utf-8")))))
def test_a_place_that_is_named_exists(place: str) -> None:
    assert (PACKAGE / place).exists()
