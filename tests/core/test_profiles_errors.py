"""What models.conf says wrongly: every message, with its place and the next step."""

from textwrap import dedent

import pytest

from launcher.core.errors import UsageError
from launcher.core.machine import Machine
from launcher.core.profiles import Sampler, parse, validate

SAMPLERS = {"glm": Sampler(name="glm", flags=(("--temp", "1.0"),))}
DESK = Machine(name="desk", gpus=())


def problems(text: str, *machines: Machine) -> list[str]:
    registry = parse(dedent(text).lstrip("\n"), "models.conf")
    return [str(problem) for problem in validate(registry, SAMPLERS, machines)]


def profile(line: str) -> str:
    return f"[a]\nMODEL=a.gguf\n{line}\n"


def test_all_problems_come_at_once_in_the_order_of_the_lines() -> None:
    text = """
        [*]
        FIT=on
        FIT=off
        nonsense
        [a]
        CTX_SZE=4096
        MODEL=../x.gguf
        [a]
        [b]
        EXTENDS=bb
        """
    assert problems(text) == [
        "models.conf:3 [*] FIT: set twice; first on line 2\n  hint: keep one of the two",
        "models.conf:4 [*]: expected KEY=VALUE, got 'nonsense'\n"
        "  hint: start the line with # to make it a comment",
        "models.conf:6 [a] CTX_SZE: unknown key\n  hint: did you mean CTX_SIZE?",
        "models.conf:7 [a] MODEL: expected a path below the models folder, without '..', got '../x.gguf'",
        "models.conf:8 [a]: a second section of this name; the first is on line 5\n  hint: rename one",
        "models.conf:10 [b] EXTENDS: no profile 'bb'\n  hint: did you mean b?",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("CTX_SIZE=4096 tokens", "CTX_SIZE: expected an integer, got '4096 tokens'"),
        ("CTX_SIZE=99999999999", "CTX_SIZE: expected an integer, got '99999999999'"),
        ("N_CPU_MOE=-1", "N_CPU_MOE: expected an integer of at least 0, got '-1'"),
        ("N_GPU_LAYERS=lots", "N_GPU_LAYERS: expected an integer or auto or all, got 'lots'"),
        ("TOP_P=high", "TOP_P: expected a number, got 'high'"),
        (
            "FIT_TARGET=128;1024",
            "FIT_TARGET: expected an integer, or a comma-separated list of that, got '128;1024'",
        ),
        ("SPLIT_MODE=rows", "SPLIT_MODE: expected one of none, layer, row, tensor, got 'rows'"),
        ("FLASH_ATTN=maybe", "FLASH_ATTN: expected one of on, off, auto, got 'maybe'"),
        ("CONT_BATCHING=yes", "CONT_BATCHING: expected on or off, got 'yes'"),
        ("CHAT_TEMPLATE_KWARGS={'a': 1}", "CHAT_TEMPLATE_KWARGS: expected JSON, got \"{'a': 1}\""),
        ("KV_CACHE_TYPE_V=q9", "KV_CACHE_TYPE_V: expected one of f32, f16, bf16"),
        ("HOST_PORT=0", "HOST_PORT: expected an integer from 1 to 65535, got '0'"),
        ("PLACEMENT=cpu", "PLACEMENT: expected one of gpu, offload, any, got 'cpu'"),
        ("STATUS=old", "STATUS: expected one of active, retired, got 'old'"),
        (
            "MAX_HOST_WEIGHTS=20",
            "MAX_HOST_WEIGHTS: expected a size with a unit, such as 512MiB or 20GiB, got '20'",
        ),
        ("MMPROJ=/etc/passwd", "MMPROJ: expected a path below the models folder, without '..', got"),
        ("SAMPLER=gml", "SAMPLER: no sampler 'gml'\n  hint: did you mean glm?"),
        (
            "API_KEY=sk-1",
            "API_KEY: a secret does not belong in models.conf, which everybody reads\n  hint: put",
        ),
        ("PORT=1", "PORT: the launcher sets the port inside the container\n  hint: set HOST_PORT"),
        ("ctx_size=1", "ctx_size: unknown key\n  hint: did you mean CTX_SIZE?"),
        ("PARALLEL=1", "PARALLEL: unknown key\n  hint: did you mean N_PARALLEL?"),
        ("SEED=1", "SEED: llama-server has no variable for this option\n  hint: write EXTRA_ARGS=--seed ..."),
        (
            "DRAFT_MAX=1",
            "DRAFT_MAX: llama-server has removed this option\n  hint: see --draft-max in its help",
        ),
        (
            "ALIAS={{ nme }}",
            "ALIAS: template: 'nme' is undefined\n  hint: docs/models.conf.md lists the variables",
        ),
        ("ALIAS=a{{ '\\n' }}b", "ALIAS: template: expected one line, got 'a\\nb'"),
        ("ALIAS={{ 1 / 0 }}", "ALIAS: template: ZeroDivisionError: division by zero"),
        ("CTX_SIZE={{ 40 * 'x' }}", "CTX_SIZE: expected an integer, got 'xxxx"),
        ("MACHINES=dsk", "MACHINES: no machine 'dsk' under profiles/machines/\n  hint: did you mean desk?"),
        ("EXTENDS=*", "EXTENDS: expected a profile\n  hint: every profile has the defaults of [*] already"),
        (
            "EXTRA_ARGS='a",
            "EXTRA_ARGS: expected words quoted as in a shell: No closing quotation\n  hint: close",
        ),
        (
            "EXTRA_ARGS=--jnja",
            "EXTRA_ARGS: --jnja: llama-server has no such option\n  hint: did you mean --jinja?",
        ),
        ("EXTRA_ARGS=--seed", "EXTRA_ARGS: --seed: expected SEED after it, got nothing"),
        ("EXTRA_ARGS=--seed x", "EXTRA_ARGS: --seed: expected an integer, got 'x'"),
        (
            "EXTRA_ARGS=--seed=1",
            "EXTRA_ARGS: --seed=1: llama-server takes the value as a word of its own\n  hint: write --seed 1",
        ),
        (
            "EXTRA_ARGS=--jinja x",
            "EXTRA_ARGS: 'x' belongs to no flag\n  hint: quote a value that has blanks in it",
        ),
        (
            "EXTRA_ARGS=--port 80",
            "EXTRA_ARGS: --port: the launcher sets the port inside the container\n  hint: set",
        ),
        ("EXTRA_ARGS=-m a.gguf", "EXTRA_ARGS: -m: the launcher sets this\n  hint: set the key MODEL"),
        (
            "EXTRA_ARGS=--version",
            "EXTRA_ARGS: --version: makes llama-server print and exit\n  hint: remove it",
        ),
    ],
)
def test_a_wrong_line_says_what_was_expected(line: str, message: str) -> None:
    (found,) = problems(profile(line), DESK)
    assert found.startswith(f"models.conf:3 [a] {message}")


@pytest.mark.parametrize("flag", ["-c 1", "--ctx-size 1", "--ctx_size 1"])
def test_an_option_set_as_key_and_in_extra_args_is_an_error_by_any_of_its_names(flag: str) -> None:
    text = f"[*]\nCTX_SIZE=2\n[a]\nMODEL=a.gguf\nEXTRA_ARGS={flag}\n"
    assert problems(text) == [
        f"models.conf:5 [a] EXTRA_ARGS: {flag.split()[0]} is set as a key too: CTX_SIZE on line 2\n"
        "  hint: keep one of the two; an empty CTX_SIZE= drops what is inherited"
    ]


def test_a_negated_flag_is_the_same_option_as_its_key() -> None:
    (found,) = problems(profile("KV_OFFLOAD=on\nEXTRA_ARGS=-nkvo"))
    assert "-nkvo is set as a key too: KV_OFFLOAD on line 3" in found


def test_an_old_and_a_new_spelling_are_the_same_key() -> None:
    (found,) = problems(profile("KV_CACHE_TYPE_K=f16\nCACHE_TYPE_K=q8_0"))
    assert found.startswith(
        "models.conf:4 [a] CACHE_TYPE_K: set twice; KV_CACHE_TYPE_K on line 3 is the same"
    )


def test_parents_in_a_circle_are_shown_in_their_order() -> None:
    found = problems("[a]\nEXTENDS=b\n[b]\nEXTENDS=c\n[c]\nEXTENDS=a\n")
    assert (
        "models.conf:6 [c] EXTENDS: goes in a circle: a -> b -> c -> a\n  hint: remove one EXTENDS" in found
    )


def test_a_mistake_in_the_defaults_is_reported_once() -> None:
    assert len(problems("[*]\nBATCH=many\n[a]\nMODEL=a.gguf\n[b]\nMODEL=b.gguf\n")) == 1


def test_a_profile_without_a_model_is_an_error_and_a_download_is_a_model() -> None:
    (found,) = problems("[a]\nCTX_SIZE=1\n")
    assert found.startswith("models.conf:1 [a]: has no MODEL\n")
    assert problems("[a]\nHF_REPO=ggml-org/GLM-4.7-Flash-GGUF\n") == []


def test_what_belongs_to_one_profile_may_not_stand_in_the_defaults() -> None:
    (found,) = problems("[*]\nSTATUS=retired\n[a]\nMODEL=a.gguf\n")
    assert found.startswith("models.conf:2 [*] STATUS: belongs to one profile")


@pytest.mark.parametrize("header", ["[]", "[a b]", "[a", "[DEFAULT]", "[a] # comment", "[-a]"])
def test_a_bad_section_name_is_an_error(header: str) -> None:
    (found, *_) = problems(f"{header}\nMODEL=a.gguf\n")
    assert found.startswith(f"models.conf:1: expected a section such as [glm-flash-q8], got {header!r}")


def test_a_key_before_any_section_and_an_indented_line_are_errors() -> None:
    assert [text.splitlines()[0] for text in problems("FIT=on\n[a]\nMODEL=a.gguf\n  more\n")] == [
        "models.conf:1 FIT: stands before the first section",
        "models.conf:4 [a]: expected no blanks before 'more'",
    ]


def test_a_template_that_needs_a_machine_is_only_wrong_when_it_is_resolved_without_one() -> None:
    text = profile("CTX_SIZE={{ 4096 * machine.gpus|length }}")
    assert problems(text) == []
    with pytest.raises(UsageError) as caught:
        parse(text, "models.conf").resolve("a", samplers=SAMPLERS)
    assert str(caught.value) == (
        "models.conf:3 [a] CTX_SIZE: template: 'machine' is undefined\n  hint: pass --machine NAME"
    )


def test_a_template_cannot_leave_its_sandbox() -> None:
    (found,) = problems(profile("ALIAS={{ ''.__class__.__mro__ }}"))
    assert "access to attribute '__class__' of 'str' object is unsafe" in found


def test_an_unknown_profile_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no profile 'demmo'\n  hint: did you mean demo\?"):
        parse("[demo]\nMODEL=a.gguf\n", "models.conf").resolve("demmo", samplers={})
