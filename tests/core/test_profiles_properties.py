"""Properties of models.conf: any text is read or complained of, and layers lay over each other."""

import shlex

from hypothesis import given
from hypothesis import strategies as st

from launcher.core.machine import Machine
from launcher.core.profiles import Sampler, parse, validate
from launcher.core.profiles.keys import KEYS

SAMPLERS = {"glm": Sampler(name="glm", flags=(("--temp", "1.0"),))}
DESK = Machine(name="desk", gpus=())
WORDS = st.one_of(
    st.sampled_from(
        ["a", "b", "*", "glm", "on", "1", "-c", "--jinja", "{{ machine.name }}", "{{", "a.gguf", "'"]
    ),
    st.text(max_size=6),
)
VALUES = st.lists(WORDS, max_size=3).map(" ".join)
LINES = st.one_of(
    st.sampled_from(
        ["[a]", "[b]", "[*]", "EXTENDS=a", "EXTENDS=b", "MODEL=a.gguf", "SAMPLER=glm", "", "# x"]
    ),
    st.builds("{}={}".format, st.sampled_from(sorted(KEYS)), VALUES),
    VALUES,
)
WORD = st.text(st.characters(codec="utf-8", exclude_characters="\n\r{"), min_size=1, max_size=8)


@given(st.lists(LINES, max_size=14).map("\n".join))
def test_any_text_is_read_and_what_has_no_problem_resolves(text: str) -> None:
    registry = parse(text, "models.conf")
    if validate(registry, SAMPLERS, [DESK]):
        return
    for name in registry.names(include_retired=True):
        profile = registry.resolve(name, samplers=SAMPLERS, machine=DESK)
        assert profile.name == name
        assert all(variable.isupper() for variable in profile.environment)


@given(st.lists(WORD, min_size=1, max_size=5))
def test_extra_args_come_out_as_the_words_that_were_quoted(words: list[str]) -> None:
    quoted = " ".join(f"--alias {shlex.quote(word)}" for word in words)
    profile = parse(f"[a]\nMODEL=a.gguf\nEXTRA_ARGS={quoted}\n", "models.conf").resolve("a", samplers={})
    assert profile.command == tuple(part for word in words for part in ("--alias", word))


@given(st.lists(st.sampled_from([None, "", "1", "2"]), min_size=1, max_size=6))
def test_a_key_has_the_value_of_the_nearest_section_that_sets_it(values: list[str | None]) -> None:
    """None does not set it, the empty value drops it."""
    text = ""
    for number, value in enumerate(values):
        parent = f"EXTENDS=p{number - 1}\n" if number else ""
        text += f"[p{number}]\nMODEL=a.gguf\n{parent}" + (f"BATCH={value}\n" if value is not None else "")
    profile = parse(text, "m").resolve(f"p{len(values) - 1}", samplers={})
    nearest = next((value for value in reversed(values) if value is not None), "")
    assert profile.environment.get("LLAMA_ARG_BATCH", "") == nearest
