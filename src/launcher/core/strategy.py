"""How the devices are used: one GPU when all fits on it, else llama.cpp's own fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add
from string import ascii_letters

from launcher.core.fit import Placement, place
from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.machine import Machine
from launcher.core.memory.context import context_bytes
from launcher.core.memory.sizing import Sizing, unset_context
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import MIB, mib_up

PLACING = (
    "n_gpu_layers", "main_gpu", "tensor_split", "overrides", "n_cpu_moe", "cpu_moe",
)  # fmt: skip
"""Settings by which a profile says itself what lies where."""

DEFAULT_TARGET = 1024 * MIB
"""FIT_TARGET of a device that the list doesn't reach (``common_params`` in ``common/common.h``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A strategy with its consequences.

    words: the strategy as the user reads it. environment: what it adds to the profile's own.
    settings: the profile's with those additions. margins: bytes to keep free, one per GPU.
    """

    words: str
    environment: Mapping[str, str]
    settings: Settings
    placement: Placement
    margins: tuple[int, ...]


def fit_targets(settings: Settings, machine: Machine) -> tuple[int, ...]:
    """FIT_TARGET for each GPU in bytes: as the profile sets it, else the headroom.

    With SPLIT_MODE=none the engine knows one device: the first target is that of MAIN_GPU.
    """
    own = tuple(mib_up(machine.margin(gpu)) * MIB for gpu in machine.gpus)
    given = settings.fit_target
    if given is None:
        return own
    if settings.split_mode == "none":
        return tuple(given[0] if index == settings.main_gpu else each for index, each in enumerate(own))
    if len(given) == 1:
        return given * len(own)
    return (*given, *(DEFAULT_TARGET for _ in own))[: len(own)]


def margins(settings: Settings, machine: Machine) -> tuple[int, ...]:
    """Bytes to keep free on each GPU: its headroom, or FIT_TARGET where the profile sets less.

    A larger FIT_TARGET is how one keeps llama.cpp's fit from filling a device too far.
    """
    own = fit_targets(replace(settings, fit_target=None), machine)
    return tuple(map(min, own, fit_targets(settings, machine)))


def places_itself(settings: Settings) -> bool:
    """Does the profile itself say which device gets what?"""
    default = Settings()
    given = any(getattr(settings, name) != getattr(default, name) for name in PLACING)
    return given or not settings.fit or settings.split_mode not in (None, "layer")


def choose(settings: Settings, model: Model, machine: Machine) -> Choice:
    """The strategy for one profile on one machine."""
    kept = margins(settings, machine)
    if len(machine.gpus) > 1 and settings.split_mode is None and not places_itself(settings):
        alone = _single(settings, model, machine, kept)
        if alone is not None:
            return alone
    targets = settings.fit_target or _targets(settings, kept)
    environment = _fit_environment(settings, targets)
    fitted = replace(settings, fit_target=targets) if targets else settings
    return Choice(
        words=_words(settings, machine, kept),
        environment=environment,
        settings=fitted,
        placement=with_margins(place(model, fitted, machine), kept, fitted, machine),
        margins=kept,
    )


def fit_environment(settings: Settings, machine: Machine) -> dict[str, str]:
    """What llama.cpp's fit is to be told of this machine, whatever the model is."""
    return _fit_environment(settings, _targets(settings, margins(settings, machine)))


def _targets(settings: Settings, kept: tuple[int, ...]) -> tuple[int, ...]:
    """The margins as FIT_TARGET lists them."""
    return (kept[settings.main_gpu],) if kept and settings.split_mode == "none" else kept


def roomier_fit(settings: Settings, machine: Machine, taken: Sequence[int]) -> tuple[str, ...]:
    """Words that make a fit leave so many bytes more on each GPU, as the server does for a projector;
    none where nothing is taken."""
    if not settings.fit or not any(taken):
        return ()
    targets = tuple(map(add, fit_targets(settings, machine), taken))
    if settings.split_mode == "none":
        targets = (targets[settings.main_gpu],)
    return ("--fit-target", ",".join(str(mib_up(target)) for target in targets))


def _fit_environment(settings: Settings, targets: tuple[int, ...]) -> dict[str, str]:
    """Variables for the fit that the profile leaves unset."""
    if not settings.fit:
        return {}
    if not targets or settings.fit_target is not None:
        return {"LLAMA_ARG_FIT": "on"}
    return {"LLAMA_ARG_FIT": "on", "LLAMA_ARG_FIT_TARGET": _mib(targets)}


def _mib(amounts: tuple[int, ...]) -> str:
    return ",".join(str(amount // MIB) for amount in amounts)


def _words(settings: Settings, machine: Machine, kept: tuple[int, ...]) -> str:
    if not machine.gpus:
        return "no GPU: all in host memory"
    if not settings.fit:
        return "FIT=off: as the profile says"
    targets = _mib(settings.fit_target or kept)
    if places_itself(settings):
        return f"the profile's own placement, margins {targets} MiB"
    return f"FIT over {len(kept)} GPU{'s' if len(kept) > 1 else ''}, FIT_TARGET={targets}"


def _single(settings: Settings, model: Model, machine: Machine, kept: tuple[int, ...]) -> Choice | None:
    """Everything on the first GPU, when that holds as asked with its margin.

    The fit changes nothing where its target is kept to begin with, so that it need not be followed.
    """
    n_ctx = settings.n_ctx or unset_context(model, settings)
    if weights_on_gpu(model) + _cache(model, settings, n_ctx) > machine.gpus[0].free:
        return None
    alone = replace(settings, split_mode="none", main_gpu=0, fit_target=settings.fit_target or kept)
    found = place(model, replace(alone, fit=False, n_ctx=n_ctx), machine)
    target = fit_targets(settings, machine)[0]
    if found.doubts or (found.fitted.devices[0].left or 0) < max(kept[0], target):
        return None
    environment = {
        **_fit_environment(settings, kept),
        "LLAMA_ARG_SPLIT_MODE": "none",
        "LLAMA_ARG_MAIN_GPU": "0",
    }
    return Choice(
        words="single GPU: everything fits on CUDA0 with its margin",
        environment=environment,
        settings=alone,
        placement=replace(
            with_margins(found, kept, alone, machine), initial=_as_asked(settings, model, machine, kept)
        ),
        margins=kept,
    )


def _as_asked(settings: Settings, model: Model, machine: Machine, kept: tuple[int, ...]) -> Ledger:
    """The projection with the profile's own settings, before anything is chosen."""
    found = place(model, replace(settings, fit=False), machine)
    return _complete(found.initial, kept, settings, machine)


def weights_on_gpu(model: Model) -> int:
    """Bytes of all tensors but the token embedding, which stays in host memory."""
    embedding = model.tensors.get("token_embd.weight")
    return sum(tensor.nbytes for tensor in model.header.tensors) - (embedding.nbytes if embedding else 0)


def _cache(model: Model, settings: Settings, n_ctx: int) -> int:
    """Bytes of the cache and states on a GPU that has all layers."""
    sizing = Sizing.of(model, settings, n_ctx)
    return context_bytes(model, sizing, settings, (0,) * (model.n_layer_all + 1), 1)[0]


def with_margins(
    placement: Placement, kept: tuple[int, ...], settings: Settings, machine: Machine
) -> Placement:
    """`placement` with one line per GPU of the machine, in order, each with its margin."""
    return replace(
        placement,
        initial=_complete(placement.initial, kept, settings, machine),
        fitted=_complete(placement.fitted, kept, settings, machine),
    )


def _complete(ledger: Ledger, kept: tuple[int, ...], settings: Settings, machine: Machine) -> Ledger:
    alone = settings.split_mode == "none" and ledger.source == "estimate"
    lines = {settings.main_gpu if alone else _number(line): line for line in ledger.gpus}
    unused = DeviceLine(name="", usage=Usage(), layers=0, overflow_layers=0)
    gpus = tuple(
        replace(
            lines.get(index, unused),
            name=f"CUDA{index}",
            gpu=gpu.name,
            total=gpu.total,
            free=gpu.free,
            margin=margin,
        )
        for index, (gpu, margin) in enumerate(zip(machine.gpus, kept, strict=True))
    )
    return replace(ledger, devices=(*gpus, ledger.host))


def _number(line: DeviceLine) -> int:
    """The index of a device: 1 of ``CUDA1`` or ``ROCm1``."""
    return int(line.name.lstrip(ascii_letters))
