"""Changes to models.conf: exact texts, and properties over all texts that the grammar takes."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core import conf_edit
from launcher.core.errors import UsageError
from launcher.core.profiles.grammar import read
from launcher.core.profiles.keys import KEYS, canonical

TEXT = """# all about this file

[*]
FIT=on

# about a
[a]
# inside a
MODEL = a.gguf
CTX_SIZE=1

# about b, two lines
# long
[b]
EXTENDS=a

; the last
[c]
"""


def test_set_changes_one_line_and_adds_new_keys_below_the_last() -> None:
    after = conf_edit.set_values(TEXT, "a", {"CTX_SIZE": "2", "BATCH": "3"})
    assert after == TEXT.replace("CTX_SIZE=1\n", "CTX_SIZE=2\nBATCH=3\n")


def test_set_keeps_an_old_spelling() -> None:
    assert conf_edit.set_values("[a]\nKV_CACHE_TYPE_K=f16\n", "a", {"CACHE_TYPE_K": "q8_0"}) == (
        "[a]\nKV_CACHE_TYPE_K=q8_0\n"
    )


def test_set_in_an_empty_section() -> None:
    assert conf_edit.set_values(TEXT, "c", {"MODEL": "c.gguf"}) == TEXT + "MODEL=c.gguf\n"


def test_set_in_a_section_of_comments_stands_above_those_of_the_next() -> None:
    text = "[a]\n\n# about b\n[b]\nFIT=on\n"
    assert conf_edit.set_values(text, "a", {"FIT": "off"}) == "[a]\nFIT=off\n\n# about b\n[b]\nFIT=on\n"


def test_set_at_the_end_of_a_file_without_a_last_line_end() -> None:
    assert conf_edit.set_values("[a]\nFIT=on", "a", {"BATCH": "1"}) == "[a]\nFIT=on\nBATCH=1\n"


def test_a_file_of_windows_keeps_its_line_ends() -> None:
    assert conf_edit.set_values("[a]\r\nFIT=on\r\n", "a", {"BATCH": "1"}) == "[a]\r\nFIT=on\r\nBATCH=1\r\n"


def test_a_value_is_one_line() -> None:
    with pytest.raises(UsageError, match="DESCRIPTION: a value is one line"):
        conf_edit.set_values(TEXT, "a", {"DESCRIPTION": "one\n[two]"})


def test_unset_removes_one_line() -> None:
    assert conf_edit.unset(TEXT, "a", ["CTX_SIZE"]) == TEXT.replace("CTX_SIZE=1\n", "")


def test_unset_of_a_key_that_is_not_there_says_where_to_look() -> None:
    with pytest.raises(UsageError) as caught:
        conf_edit.unset(TEXT, "b", ["CTX_SIZE"])
    assert str(caught.value) == (
        "[b] CTX_SIZE: is not set in this section\n  hint: launcher show b tells where its values come from"
    )


def test_copy_takes_the_comments_inside_and_stands_right_below() -> None:
    section = "# inside a\nMODEL = a.gguf\nCTX_SIZE=1\n"
    assert conf_edit.copy(TEXT, "a", "a2") == TEXT.replace(section, f"{section}\n[a2]\n{section}")


def test_rename_changes_the_section_and_the_parents_of_others() -> None:
    after = conf_edit.rename(TEXT, "a", "z")
    assert after == TEXT.replace("[a]", "[z]").replace("EXTENDS=a", "EXTENDS=z")


def test_remove_keeps_the_comments_around() -> None:
    after = conf_edit.remove(TEXT, "b")
    assert after == TEXT.replace("[b]\nEXTENDS=a\n", "")


def test_remove_leaves_no_second_blank_line() -> None:
    assert conf_edit.remove("[a]\nFIT=on\n\n[b]\nFIT=on\n\n[c]\n", "b") == "[a]\nFIT=on\n\n[c]\n"
    assert conf_edit.remove("[a]\nFIT=on\n\n[b]\n", "a") == "[b]\n"


def test_remove_refuses_while_others_extend_it() -> None:
    with pytest.raises(UsageError, match=r"\[a\]: is extended by b"):
        conf_edit.remove(TEXT, "a")


def test_add_appends_a_section() -> None:
    assert conf_edit.add(TEXT, "d", {"MODEL": "d.gguf"}) == TEXT + "\n[d]\nMODEL=d.gguf\n"
    assert conf_edit.add("", "d", {"MODEL": "d.gguf"}) == "[d]\nMODEL=d.gguf\n"


@pytest.mark.parametrize("name", ["a", "*", "", "x y", "DEFAULT", "-x", "x]", "x\n[y"])
def test_a_new_name_must_be_free_and_a_name(name: str) -> None:
    for change in (conf_edit.copy, conf_edit.rename):
        with pytest.raises(UsageError):
            change(TEXT, "a", name)


def test_an_unknown_profile_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no profile 'cc'\n  hint: did you mean c\?"):
        conf_edit.set_values(TEXT, "cc", {})


# properties

NAMES = st.text(string.ascii_letters + string.digits, min_size=1, max_size=4).filter(
    lambda name: name != "DEFAULT"
)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12)
LINES = st.one_of(
    st.just(""),
    st.text(" \t", max_size=2),
    VALUES.map(lambda text: f"# {text}"),
    VALUES.map(lambda text: f";{text}"),
    NAMES.map(lambda name: f"[{name}]"),
    st.builds("{}{}={}{}".format, st.sampled_from(sorted(KEYS)), st.sampled_from(["", " "]), NAMES, VALUES),
    VALUES,
)
TEXTS = st.lists(LINES, max_size=12).map("\n".join)


@given(TEXTS)
def test_both_readers_agree_on_every_text_that_the_grammar_takes(text: str) -> None:
    document = read(text, "models.conf")
    if document.problems:
        return
    ours = {
        name: {entry.key: entry.value for entry in section.entries.values()}
        for name, section in document.sections.items()
    }
    assert conf_edit.sections(text) == ours


@given(TEXTS, st.sampled_from(["FIT", "CTX_SIZE", "CACHE_TYPE_K"]), NAMES)
def test_setting_a_key_changes_that_value_and_no_other_line(text: str, key: str, value: str) -> None:
    document = read(text, "models.conf")
    if document.problems or not document.sections:
        return
    for section in document.sections.values():
        spelled = next((found for found in section.entries if canonical(found) == key), key)
        after = conf_edit.set_values(text, section.name, {key: value})
        changed = read(after, "models.conf").sections[section.name].entries[spelled]
        assert changed.value == value
        rest = after.split("\n")
        del rest[changed.line - 1]
        before = text.split("\n")
        if spelled in section.entries:
            del before[section.entries[spelled].line - 1]
        assert "\n".join(rest).rstrip("\n") == "\n".join(before).rstrip("\n")


@given(TEXTS, NAMES)
def test_a_copy_that_is_removed_again_leaves_the_values_as_they_were(text: str, name: str) -> None:
    document = read(text, "models.conf")
    if document.problems or not document.sections or name in document.sections:
        return
    old = next(iter(document.sections))
    copied = conf_edit.copy(text, old, name)
    assert conf_edit.sections(copied)[name] == conf_edit.sections(text)[old]
    assert conf_edit.sections(conf_edit.remove(copied, name)) == conf_edit.sections(text)


def test_keys_that_are_not_to_be_set_are_removed_or_emptied_where_they_are_inherited() -> None:
    text = "[a]\nTENSOR_SPLIT=1,1\n[b]\nEXTENDS=a\n# why\nUBATCH=512\nOVERRIDE_TENSOR=x=CPU\n"
    found = conf_edit.change(text, "b", {"UBATCH": "256", "TENSOR_SPLIT": None, "OVERRIDE_TENSOR": None})
    assert found == "[a]\nTENSOR_SPLIT=1,1\n[b]\nEXTENDS=a\n# why\nUBATCH=256\nTENSOR_SPLIT=\n"
