"""From a server's environment and command line to Settings (``common/arg.cpp``, build 11160)."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launcher.core.errors import misuse
from launcher.core.options import BY_KEY, FALSY, PREFIX, TRUTHY, Argument, arguments
from launcher.core.settings import Drafting, Settings
from launcher.core.units import MIB

Values = Mapping[str, str]
"""Text of each option that is given, by its key; by its longest flag where it has no variable."""

Fields = Mapping[str, tuple[str, Callable[[str], Any]]]

_ADDING = ("OVERRIDE_TENSOR",)
"""Options that add to what was given before."""

MAPPING = ("auto", "mmap", "mmap+mlock")
"""Values of LOAD_MODE with which weights in host memory are mapped from the file."""

WHOLE = str(2**31 - 1)
"""FIT_CTX above every context: none is lowered."""

_SYNONYMS = {
    **dict.fromkeys(TRUTHY, "on"),
    **dict.fromkeys(FALSY, "off"),
    "-1": "auto",
}


def read_settings(environment: Mapping[str, str], command: Sequence[str]) -> Settings:
    """What these mean for memory; a flag beats its variable, an option that is absent has its default.

    Raises UsageError for a value that llama-server would refuse.
    """
    values = _values(environment, command)
    mode = values.get("LOAD_MODE", "auto")
    return Settings(
        **_given(_FIELDS, values),
        drafting=Drafting(**_given(_DRAFTING, values)),
        mmap=mode in MAPPING,
        mlock="mlock" in mode,
    )


def _given(fields: Fields, values: Values) -> dict[str, Any]:
    return {field: _read(key, values[key], read) for key, (field, read) in fields.items() if key in values}


def _values(environment: Mapping[str, str], command: Sequence[str]) -> Values:
    values = {
        name.removeprefix(PREFIX): text for name, text in environment.items() if name.startswith(PREFIX)
    }
    if _asks_for_all(values.get("CTX_SIZE")):
        values.setdefault("FIT_CTX", WHOLE)
    for argument in arguments(command):
        if argument.option is not None:
            key = argument.option.key or argument.option.name
            text = _text(argument)
            values[key] = f"{values[key]},{text}" if key in _ADDING and key in values else text
            if key == "CTX_SIZE" and _asks_for_all(text):
                values["FIT_CTX"] = WHOLE
    return values


def _asks_for_all(n_ctx: str | None) -> bool:
    """A context of 0 in so many words keeps the fit from lowering it, unless FIT_CTX comes later."""
    return n_ctx is not None and n_ctx.isdigit() and int(n_ctx) == 0


def _text(argument: Argument) -> str:
    if argument.option is not None and argument.flag in argument.option.off:
        return "off"
    return argument.values[0] if argument.values else "on"


def _read(key: str, text: str, read: Callable[[str], Any]) -> Any:
    option = BY_KEY.get(key)
    expected = option.expected(text) if option else None
    if expected is None:
        try:
            return read(text)
        except ValueError:
            expected = "a value that llama-server takes"
    raise misuse(f"expected {expected}, got {text!r}", where=key)


def _switch(text: str) -> bool:
    return text in TRUTHY


def _word(text: str) -> str:
    return _SYNONYMS.get(text, text)


def _slots(text: str) -> int | None:
    return None if int(text) < 0 else int(text)


def _layers(text: str) -> int | None:
    """None for "auto" (-1), -1 for "all" (-2)."""
    words = {"auto": None, "-1": None, "all": -1}
    return words[text] if text in words else max(int(text), -1)


def _mib_list(text: str) -> tuple[int, ...]:
    return tuple(int(part) * MIB for part in re.split("[,/]+", text))


def _shares(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.split("[,/]+", text))


def _overrides(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition("=") for part in text.split(","))
    return tuple((pattern, buffer) for pattern, _, buffer in pairs)


_FIELDS: Fields = {
    "CTX_SIZE": ("n_ctx", int),
    "BATCH": ("n_batch", int),
    "UBATCH": ("n_ubatch", int),
    "N_PARALLEL": ("n_parallel", _slots),
    "KV_UNIFIED": ("kv_unified", _switch),
    "CACHE_TYPE_K": ("cache_type_k", str),
    "CACHE_TYPE_V": ("cache_type_v", str),
    "FLASH_ATTN": ("flash_attention", _word),
    "FIT": ("fit", _switch),
    "FIT_TARGET": ("fit_target", _mib_list),
    "FIT_CTX": ("fit_ctx", int),
    "N_GPU_LAYERS": ("n_gpu_layers", _layers),
    "SPLIT_MODE": ("split_mode", str),
    "MAIN_GPU": ("main_gpu", int),
    "TENSOR_SPLIT": ("tensor_split", _shares),
    "OVERRIDE_TENSOR": ("overrides", _overrides),
    "N_CPU_MOE": ("n_cpu_moe", int),
    "CPU_MOE": ("cpu_moe", _switch),
    "KV_OFFLOAD": ("kv_offload", _switch),
    "--op-offload": ("op_offload", _switch),
    "SWA_FULL": ("swa_full", _switch),
    "CACHE_RAM": ("cache_ram", lambda text: int(text) * MIB),
    "CTX_CHECKPOINTS": ("ctx_checkpoints", int),
    "MMPROJ_OFFLOAD": ("projector_offload", _switch),
}
"""Option: the field of Settings, and how its text is read."""

_DRAFTING: Fields = {
    "SPEC_TYPE": ("kinds", lambda text: tuple(text.split(","))),
    "SPEC_DRAFT_N_MAX": ("n_max", int),
    "N_GPU_LAYERS_DRAFT": ("n_gpu_layers", _layers),
    "SPEC_DRAFT_CACHE_TYPE_K": ("cache_type_k", str),
    "SPEC_DRAFT_CACHE_TYPE_V": ("cache_type_v", str),
    **dict.fromkeys(
        ("--spec-draft-device", "--spec-draft-override-tensor", "SPEC_DRAFT_CPU_MOE", "SPEC_DRAFT_N_CPU_MOE"),
        ("by_hand", lambda text: True),
    ),
}
"""The same for the fields of Drafting."""
