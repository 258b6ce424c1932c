"""Projectors that are shared: what one plan worked out, the next need not."""

from dataclasses import dataclass, replace
from functools import lru_cache

from launcher.core.memory.project import Projector
from launcher.core.model import Model
from launcher.core.settings import Settings

KEPT = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A model by identity: two are the same only if they are one."""

    model: Model

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.model is self.model


def projector(model: Model, settings: Settings, gpus: int) -> Projector:
    """The projector for these settings; one for all that differ only in where layers are to lie.

    A layout says where they lie, and the context is an argument of each projection.
    """
    default = Settings()
    alike = replace(
        settings,
        n_ctx=0,
        fit=default.fit,
        fit_target=None,
        fit_ctx=default.fit_ctx,
        n_gpu_layers=None,
        split_mode=settings.split_mode if gpus > 1 else None,
        main_gpu=0,
        tensor_split=None,
        overrides=(),
        n_cpu_moe=0,
        cpu_moe=False,
        cache_ram=default.cache_ram,
        ctx_checkpoints=default.ctx_checkpoints,
        projector=default.projector,
        projector_offload=default.projector_offload,
        drafting=replace(settings.drafting, model=None),
    )
    return _kept(_Same(model), alike, gpus)


@lru_cache(maxsize=KEPT)
def _kept(same: _Same, settings: Settings, gpus: int) -> Projector:
    return Projector(same.model, settings, gpus)
