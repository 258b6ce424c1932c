"""The words that ``llama fit-params`` is given for a profile's environment and command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from launcher.core.options import PREFIX, Argument, arguments
from launcher.core.settings import Settings
from launcher.core.settings_reader import read_settings

KEYS = frozenset(
    {
        "BATCH", "CACHE_TYPE_K", "CACHE_TYPE_V", "CPU_MOE", "CTX_SIZE", "DEVICE", "FIT_CTX",
        "FIT_TARGET", "FLASH_ATTN", "KV_OFFLOAD", "LAZY_MODE", "LOAD_MODE", "MAIN_GPU", "N_CPU_FFN",
        "N_CPU_MOE", "N_GPU_LAYERS", "NO_HOST", "NO_KV_OFFLOAD", "NO_REPACK", "OVERRIDE_TENSOR",
        "REPACK", "ROPE_FREQ_BASE", "ROPE_FREQ_SCALE", "ROPE_SCALE", "ROPE_SCALING_TYPE",
        "SPLIT_MODE", "SWA_FULL", "TENSOR_SPLIT", "UBATCH", "YARN_ATTN_FACTOR", "YARN_BETA_FAST",
        "YARN_BETA_SLOW", "YARN_EXT_FACTOR", "YARN_ORIG_CTX",
    }
)  # fmt: skip
FLAGS = frozenset({"--op-offload", "--override-kv"})
LEFT_OUT = {
    "projector": {"MMPROJ", "MMPROJ_URL"},
    "draft model": {"SPEC_DRAFT_MODEL", "SPEC_DRAFT_HF_REPO", "SPEC_TYPE"},
}
"""What a server loads besides the model, which fit-params does not count (common/common.cpp and
tools/server/server-context.cpp, build 11160), and the keys that ask for it."""
MODEL = "{model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One run of ``llama fit-params``: variables and words; MODEL stands for the model's path.

    fits: whether the fit runs, or the settings are only measured.
    """

    environment: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A profile's settings, and the part of its environment and command line that the engine's dry
    run understands. left_out: what else takes memory on the devices."""

    settings: Settings
    environment: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    left_out: tuple[str, ...]


def understood(environment: Mapping[str, str], command: Sequence[str]) -> Asked:
    """Keep what decides where things lie; the rest of a server's options is unknown to fit-params
    or changes none of its figures (common/arg.cpp, build 11160).

    Raises UsageError for a value that llama-server would refuse.
    """
    given = tuple(arguments(command))
    kept = [argument for argument in given if _is_kept(argument)]
    keys = {key.removeprefix(PREFIX) for key in environment}
    keys |= {argument.option.key for argument in given if argument.option and argument.option.key}
    return Asked(
        settings=read_settings(environment, command),
        environment=tuple(sorted((k, v) for k, v in environment.items() if k.removeprefix(PREFIX) in KEYS)),
        words=tuple(word for argument in kept for word in argument.words),
        left_out=tuple(what for what, marks in LEFT_OUT.items() if keys & marks),
    )


def fit_question(asked: Asked, streams: int) -> Question:
    """Ask for the fit. At verbosity 4 the log has its reasons and its memory tables."""
    words = ("-m", MODEL, *asked.words, "-np", str(streams), "-lv", "4")
    return Question(environment=asked.environment, words=words, fits=True)


def measure_question(asked: Asked, streams: int, fitted: Sequence[str] = ()) -> Question:
    """Ask what lies where with these settings and the words that a fit added.

    At verbosity 5 the log has the home of each layer and the graph's splits.
    """
    words = ("-m", MODEL, *asked.words, "-np", str(streams), *fitted)
    return replace(fit_question(asked, streams), words=(*words, "--fit-print", "on", "-lv", "5"), fits=False)


def _is_kept(argument: Argument) -> bool:
    return argument.option is not None and (argument.option.key in KEYS or argument.option.name in FLAGS)
