"""What a fit chose: read from its output, and asked for again."""

import re
import shlex
from dataclasses import dataclass

from launcher.core.dry_run.answers import Answer, broken, checked, unknown_format
from launcher.core.dry_run.questions import Asked
from launcher.core.logs import Load, read_loads
from launcher.core.machine import Machine

_GAVE_UP = "failed to fit params to free device memory: "
_REDUCED = re.compile(r"context size reduced from \d+ to (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The outcome of a fit, and the load with the settings as given (`initial`).

    n_ctx is None where the fit didn't say; n_gpu_layers where it left the layers alone.
    tensor_split counts layers per device; overrides are (pattern of tensor names, buffer type).
    gave_up: why, in the engine's words; the server then goes on with the settings as given.
    """

    initial: Load
    n_ctx: int | None = None
    n_gpu_layers: int | None = None
    tensor_split: tuple[int, ...] | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    gave_up: str | None = None


def read_fit(answer: Answer, machine: Machine) -> Fit:
    """The fit in an answer of ``fit-params``, which prints the flags that it chose:
    ``-c N -ngl N -ts N,N -ot "pattern=buffer,..."``. Raises LauncherError if it failed, or printed
    anything else."""
    gave_up = _reason(answer)
    if answer.status != 0 and gave_up is None:
        raise broken(answer)
    initial = checked((*read_loads(answer.log), Load())[0], answer, machine)
    if gave_up is not None:
        reduced = _REDUCED.search(answer.log)
        return Fit(initial=initial, n_ctx=int(reduced[1]) if reduced else None, gave_up=gave_up)
    return _chosen(answer, initial)


def fitted_words(asked: Asked, fit: Fit) -> tuple[str, ...]:
    """The words that make the engine lay the model out as the fit would."""
    context = () if fit.n_ctx is None else ("-c", str(fit.n_ctx))
    if asked.settings.n_gpu_layers is not None or fit.n_gpu_layers is None:
        return context
    split = ("-ts", ",".join(map(str, fit.tensor_split))) if fit.tensor_split else ()
    overrides = ",".join(f"{pattern}={buffer}" for pattern, buffer in fit.overrides)
    return (
        *context,
        *("-ngl", str(fit.n_gpu_layers)),
        *split,
        *(("-ot", overrides) if overrides else ()),
    )


def _reason(answer: Answer) -> str | None:
    lines = [line for line in answer.log.splitlines() if _GAVE_UP in line]
    return lines[-1].partition(_GAVE_UP)[2].removesuffix(", abort") if lines else None


def _chosen(answer: Answer, initial: Load) -> Fit:
    lines = answer.output.strip().splitlines()
    try:
        words = shlex.split(lines[-1] if lines else "")
        values = dict(zip(words[::2], words[1::2], strict=True))
        layers = int(values.pop("-ngl"))
        fit = Fit(
            initial=initial,
            n_ctx=int(values.pop("-c")),
            n_gpu_layers=None if layers < 0 else layers,
            tensor_split=_split(values.pop("-ts", None), layers, initial),
            overrides=_overrides(values.pop("-ot", "")),
        )
    except (KeyError, ValueError):
        raise unknown_format(answer, "no flags in its output") from None
    if values:
        raise unknown_format(answer, f"flags that launcher doesn't know: {' '.join(values)}")
    return fit


def _split(text: str | None, layers: int, initial: Load) -> tuple[int, ...] | None:
    """Layers per device. The engine doesn't print trailing zeros, nor a list of one number
    (tools/fit-params/fit-params.cpp, build 11160): with all layers on the first of several devices
    it prints nothing."""
    devices = sum(row.gpu is not None for row in initial.rows)
    if devices < 2 or layers < 0:
        return None
    counts = [int(count) for count in text.split(",")] if text else [layers]
    return tuple(counts + [0] * (devices - len(counts)))


def _overrides(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [item.rpartition("=") for item in text.split(",") if item]
    return tuple((pattern, buffer) for pattern, _, buffer in pairs)
