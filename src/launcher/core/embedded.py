"""llama-server's environment and flags as parameters of the embedded server (xllamacpp.CommonParams)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from launcher.core.errors import Problem, UsageError
from launcher.core.options import FALSY, PREFIX, TRUTHY, Argument, arguments
from launcher.core.units import MIB


@dataclass(frozen=True, slots=True)
class Member:
    """A member of one of xllamacpp's enumerations, by name."""

    enumeration: str
    name: str


Value = int | float | bool | str | tuple[str, ...] | tuple[int, ...] | Member


@dataclass(frozen=True, slots=True)
class Parameter:
    """One assignment: `path` is dotted below CommonParams."""

    path: str
    value: Value


def _switch(text: str) -> bool:
    if text in TRUTHY + FALSY:
        return text in TRUTHY
    raise ValueError(text)


def _not(text: str) -> bool:
    return not _switch(text)


def _mebibytes(text: str) -> tuple[int, ...]:
    return tuple(int(part) * MIB for part in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _layers(text: str) -> int:
    return {"auto": -1, "all": -2}.get(text) or int(text)


def _member(enumeration: str, prefix: str) -> Callable[[str], Member]:
    return lambda text: Member(enumeration, prefix + text.upper().replace("-", "_").replace("+", "_"))


def _flash_attention(text: str) -> Member:
    state = "AUTO" if text == "auto" else "ENABLED" if _switch(text) else "DISABLED"
    return Member("llama_flash_attn_type", f"LLAMA_FLASH_ATTN_TYPE_{state}")


_CACHE_TYPE = _member("ggml_type", "GGML_TYPE_")

_PARAMETERS: dict[str, tuple[str, Callable[[str], Value]]] = {
    "ALIAS": ("model_alias", _words),
    "BATCH": ("n_batch", int),
    "CACHE_PROMPT": ("cache_prompt", _switch),
    "CACHE_RAM": ("cache_ram_mib", int),
    "CACHE_REUSE": ("n_cache_reuse", int),
    "CACHE_TYPE_K": ("cache_type_k", _CACHE_TYPE),
    "CACHE_TYPE_V": ("cache_type_v", _CACHE_TYPE),
    "CHAT_TEMPLATE": ("chat_template", str),
    "CONTEXT_SHIFT": ("ctx_shift", _switch),
    "CONT_BATCHING": ("cont_batching", _switch),
    "CTX_CHECKPOINTS": ("n_ctx_checkpoints", int),
    "CTX_SIZE": ("n_ctx", int),
    "ENDPOINT_METRICS": ("endpoint_metrics", _switch),
    "ENDPOINT_PROPS": ("endpoint_props", _switch),
    "ENDPOINT_SLOTS": ("endpoint_slots", _switch),
    "FIT": ("fit_params", _switch),
    "FIT_CTX": ("fit_params_min_ctx", int),
    "FIT_TARGET": ("fit_params_target", _mebibytes),
    "FLASH_ATTN": ("flash_attn_type", _flash_attention),
    "FREQUENCY_PENALTY": ("sampling.penalty_freq", float),
    "HOST": ("hostnames", _words),
    "JINJA": ("use_jinja", _switch),
    "KV_OFFLOAD": ("no_kv_offload", _not),
    "KV_UNIFIED": ("kv_unified", _switch),
    "LOAD_MODE": ("load_mode", _member("llama_load_mode", "LLAMA_LOAD_MODE_")),
    "LOG_VERBOSITY": ("verbosity", int),
    "MAIN_GPU": ("main_gpu", int),
    "MIN_P": ("sampling.min_p", float),
    "MMPROJ": ("mmproj.path", str),
    "MODEL": ("model.path", str),
    "N_GPU_LAYERS": ("n_gpu_layers", _layers),
    "N_PARALLEL": ("n_parallel", int),
    "N_PREDICT": ("n_predict", int),
    "PORT": ("port", int),
    "PRESENCE_PENALTY": ("sampling.penalty_present", float),
    "REPEAT_PENALTY": ("sampling.penalty_repeat", float),
    "SPLIT_MODE": ("split_mode", _member("llama_split_mode", "LLAMA_SPLIT_MODE_")),
    "SWA_FULL": ("swa_full", _switch),
    "TEMPERATURE": ("sampling.temp", float),
    "THREADS": ("cpuparams.n_threads", int),
    "THREADS_HTTP": ("n_threads_http", int),
    "TOP_K": ("sampling.top_k", int),
    "TOP_P": ("sampling.top_p", float),
    "UBATCH": ("n_ubatch", int),
    "--warmup": ("warmup", _switch),
    "--seed": ("sampling.seed", int),
    "--threads-batch": ("cpuparams_batch.n_threads", int),
}


def parameters(environment: Mapping[str, str], command: Sequence[str]) -> tuple[Parameter, ...]:
    """The assignments that make CommonParams mean what llama-server would read from these words.

    Raises UsageError naming every setting that the embedded server can't take.
    """
    settings = {name.removeprefix(PREFIX): value for name, value in environment.items()}
    settings |= dict(map(_setting, arguments(command)))
    refused = [name for name in settings if name not in _PARAMETERS]
    if refused:
        raise UsageError(*map(_refusal, refused))
    return tuple(_parameter(name, value) for name, value in settings.items())


def _setting(argument: Argument) -> tuple[str, str]:
    """Name and value of an argument, named as its variable is, or by its flag where it has none."""
    option = argument.option
    if option is None:
        return argument.flag, ",".join(argument.values)
    if option.arity == 0:
        return option.key or option.name, "off" if argument.flag in option.off else "on"
    return option.key or option.name, ",".join(argument.values)


def _refusal(name: str) -> Problem:
    return Problem(
        where=name,
        what="the embedded server can't take this setting",
        hint="run the profile in Docker: launcher up --runtime compose",
    )


def _parameter(name: str, text: str) -> Parameter:
    path, convert = _PARAMETERS[name]
    try:
        return Parameter(path, convert(text))
    except ValueError as error:
        raise UsageError(Problem(where=name, what=f"llama-server would not accept {text!r}")) from error
