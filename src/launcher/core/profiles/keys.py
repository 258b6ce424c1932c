"""The schema of models.conf: every key, what its value looks like, and what it is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from launcher.core.options import BY_KEY, OPTIONS, Option
from launcher.core.units import parse_size

Check = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. shape: its value in the words of the reference. expected: what a value should have
    been, None when it is right. option: llama-server's, None for a key of the launcher's own."""

    name: str
    shape: str
    about: str
    expected: Check
    option: Option | None = None


def _text(value: str) -> str | None:
    return None


def _one_of(*words: str) -> Check:
    return lambda value: None if value in words else f"one of {', '.join(words)}"


def _integer(low: int, high: int) -> Check:
    def expected(value: str) -> str | None:
        good = value.isascii() and value.isdigit() and low <= int(value) <= high
        return None if good else f"an integer from {low} to {high}"

    return expected


def _size(value: str) -> str | None:
    try:
        parse_size(value)
    except ValueError:
        return "a size with a unit, such as 512MiB or 20GiB"
    return None


def _word(value: str) -> str | None:
    return None if len(value.split()) == 1 else "one word without blanks"


def below_models(value: str) -> str | None:
    """What a path below the models folder should have been."""
    parts = value.split("/")
    if value.startswith("/") or "\\" in value or ".." in parts:
        return "a path below the models folder, without '..'"
    return None if parts[-1] not in ("", ".") else "a file below the models folder"


def names(value: str) -> tuple[str, ...]:
    """The names of a comma-separated list."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _key(name: str, shape: str, expected: Check, about: str) -> Key:
    return Key(name=name, shape=shape, about=about, expected=expected)


_PATH = "a path below the models folder"
_TOKENS = _integer(1, 2**31 - 1)

LAUNCHER_KEYS = (
    _key("NAME", "text", _text, "The profile's name as people write it."),
    _key("DESCRIPTION", "text", _text, "What it is for, in one line."),
    _key(
        "STATUS",
        "`active` or `retired`",
        _one_of("active", "retired"),
        "A retired profile is listed only with `--all` and starts only with `--force`.",
    ),
    _key("EXTENDS", "a profile", _text, "Inherits every key of that profile, and of those that it extends."),
    _key("MODEL", _PATH, below_models, "The GGUF file; of a split model, its first file."),
    _key("MMPROJ", _PATH, below_models, "The projector of a model that sees images or hears sound."),
    _key("SPEC_DRAFT_MODEL", _PATH, below_models, "The small model that drafts for speculative decoding."),
    _key(
        "PLACEMENT",
        "`gpu`, `offload` or `any`",
        _one_of("gpu", "offload", "any"),
        "Where the weights may lie: only on GPUs, partly in host memory, or anywhere. "
        "`launcher check` fails on another outcome.",
    ),
    _key(
        "MACHINES",
        "names, comma-separated",
        _text,
        "The machines under profiles/machines/ that it is meant for. Without it, all.",
    ),
    _key("SAMPLER", "a name in profiles/samplers.yml", _text, "Takes that sampler's flags."),
    _key("RUNTIME", "`compose` or `embedded`", _one_of("compose", "embedded"), "What runs the server."),
    _key("IMAGE", "an image reference", _word, "The container image, in place of the official one."),
    _key(
        "HOST_PORT",
        "an integer from 1 to 65535",
        _integer(1, 65535),
        "The port on this machine. Without it, 8080.",
    ),
    _key(
        "HOST_BIND",
        "an IP address",
        _word,
        "The address that the port is bound to. Without it 127.0.0.1: only this machine reaches the server.",
    ),
    _key(
        "EXTRA_ARGS",
        "words, quoted as in a shell",
        _text,
        "More flags of llama-server. Split into words by the POSIX rules of quoting; no shell sees them.",
    ),
    _key(
        "API_KEY_FILE",
        "a path",
        _text,
        "A file with API keys, one per line; a relative path starts at the project's folder.",
    ),
    _key(
        "MEMORY_LIMIT",
        "a size, such as 48GiB",
        _size,
        "Host memory that the container may use, in place of what docker-compose.yml says. "
        "The plan counts with it; beyond it the kernel ends the server.",
    ),
    _key("MIN_CTX", "an integer of at least 1", _TOKENS, "`launcher check` fails if the context is smaller."),
    _key(
        "MAX_HOST_WEIGHTS",
        "a size, such as 20GiB",
        _size,
        "`launcher check` fails if more weights than this lie in host memory.",
    ),
    _key(
        "HEADROOM_COMPUTE",
        "a size, such as 128MiB",
        _size,
        "Memory to leave free on a GPU that only computes, in place of the machine's headroom.",
    ),
    _key(
        "HEADROOM_DISPLAY",
        "a size, such as 1024MiB",
        _size,
        "The same for a GPU that drives a display, or whose role is not known.",
    ),
)

OLD_NAMES = {"KV_CACHE_TYPE_K": "CACHE_TYPE_K", "KV_CACHE_TYPE_V": "CACHE_TYPE_V"}

_SECRET = "a secret does not belong in models.conf, which everybody reads"
RESERVED = {
    "API_KEY": (_SECRET, "put it into a file and set API_KEY_FILE to that file's path"),
    "LLAMA_API_KEY": (_SECRET, "put it into a file and set API_KEY_FILE to that file's path"),
    "HF_TOKEN": (_SECRET, "download the model into the models folder and set MODEL"),
    "HOST": ("the launcher sets the address inside the container", "set HOST_BIND"),
    "PORT": ("the launcher sets the port inside the container", "set HOST_PORT"),
}


def shape(option: Option) -> str:
    """What an option's value looks like, in the words of the reference."""
    match option.kind:
        case "flag" | "bool":
            base = "`on` or `off`"
        case "int":
            base = ", ".join([f"an integer{option.bounds}", *(f"`{word}`" for word in option.words)])
        case "float":
            base = f"a number{option.bounds}"
        case "enum":
            base = ", ".join(f"`{word}`" for word in option.usual)
        case "json":
            base = "JSON"
        case _:
            base = "text"
    return f"{base}; several with commas between" if option.many else base


def _server_key(name: str, option: Option) -> Key:
    flags = ", ".join(f"`{flag}`" for flag in option.flags + option.off)
    return Key(name=name, shape=shape(option), about=flags, expected=option.expected, option=option)


def _schema() -> Mapping[str, Key]:
    own = {key.name: key for key in LAUNCHER_KEYS}
    server = {
        name: _server_key(name, option)
        for name, option in BY_KEY.items()
        if name not in own and name not in RESERVED and option.kind != "removed"
    }
    return {**own, **server}


KEYS = _schema()


def canonical(name: str) -> str:
    """The present spelling of a key."""
    return OLD_NAMES.get(name, name)


def unknown(name: str) -> tuple[str, str]:
    """(what is wrong, hint) for a key that is not in KEYS."""
    if name in RESERVED:
        return RESERVED[name]
    if name in BY_KEY:
        return "llama-server has removed this option", f"see {BY_KEY[name].name} in its help"
    flag = f"--{name.lower().replace('_', '-')}"
    option = next((option for option in OPTIONS if flag in option.flags), None)
    if option and option.key:
        return "unknown key", f"did you mean {option.key}?"
    if option:
        return "llama-server has no variable for this option", f"write EXTRA_ARGS={flag} ..."
    near = get_close_matches(name.upper().removeprefix("LLAMA_ARG_"), [*KEYS, *OLD_NAMES], n=1)
    hint = f"did you mean {near[0]}?" if near else "docs/models.conf.md lists the keys"
    return "unknown key", hint
