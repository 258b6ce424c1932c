"""The reference pages say what the code does: `make docs` writes them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from launcher.core.promises import Start, figures_of_starts
from launcher.edges.evidence import read_exports

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


def test_the_accuracy_page_says_what_the_evidence_says() -> None:
    """Its last but two columns come from profiles/evidence; the others take minutes: `make accuracy`."""
    starts = [
        start for record in read_exports(PROJECT / "profiles" / "evidence") if (start := Start.of(record))
    ]
    figures = figures_of_starts(starts)
    page = (PROJECT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.partition("## Promises")[2].splitlines()]
    written = {row[0]: row[3] for row in rows if len(row) == 6 and row[0] != "what"}
    assert written.keys() >= figures.keys()
    for name, cell in written.items():
        assert cell == (f"{figures[name]:,.2f} %" if name in figures else "-"), name


def test_every_command_has_a_help_text(docs: ModuleType) -> None:
    for part in docs.cli().split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        assert rest.strip("\n").count("\n") >= 2, f"{title} says nothing"
