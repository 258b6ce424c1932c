"""Values in .env: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core import dotenv
from launcher.core.errors import UsageError

VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(values=st.lists(VALUES))
def test_every_value_is_read_back(values: list[str]) -> None:
    meant = {f"V{index}": value for index, value in enumerate(values)}
    text = "".join(f"{name}={dotenv.quote(value)}\n" for name, value in meant.items())
    assert dotenv.parse(text) == meant


@given(VALUES)
def test_a_value_stays_on_one_line(value: str) -> None:
    assert "\n" not in dotenv.quote(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("131072", "131072"),
        ("/models/a.gguf", "/models/a.gguf"),
        ("", "''"),
        ("a b # c", "'a b # c'"),
        ("$HOME", "'$HOME'"),
        ("it's $5", '"it\'s \\$5"'),
        ("ends in \\", '"ends in \\\\"'),
        ("two\nlines", '"two\\nlines"'),
    ],
)
def test_quotes_only_where_they_are_needed(value: str, written: str) -> None:
    assert dotenv.quote(value) == written


def test_comments_and_blank_lines_are_left_out() -> None:
    assert dotenv.parse("# a comment\n\nA=1\n") == {"A": "1"}


@pytest.mark.parametrize("line", ["A", "A=b c", "A='b", "1A=b"])
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        dotenv.parse(line)


def test_a_nul_is_refused() -> None:
    with pytest.raises(UsageError, match="NUL"):
        dotenv.quote("a\0b")
