"""The reference pages say what the code does: `make docs` writes them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(PROJECT / "scripts"))
    import docs

    yield docs
    sys.modules.pop("docs")


@pytest.mark.parametrize("page", ["models.conf.md", "cli.md", "architectures.md"])
def test_a_generated_page_is_current(docs: ModuleType, page: str) -> None:
    written = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    assert written == docs.PAGES[page](), "run `make docs` (python scripts/docs.py)"


def test_every_command_has_a_help_text(docs: ModuleType) -> None:
    for part in docs.cli().split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        assert rest.strip("\n").count("\n") >= 2, f"{title} says nothing"
