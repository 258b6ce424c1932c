"""The context that drafts with a model's own MTP block, beside the model's own context."""

from dataclasses import replace
from functools import cached_property

from launcher.core.ledger import NO_USAGE, Usage
from launcher.core.memory.bound import bound
from launcher.core.memory.compute import Compute, Computer, Row, Subject, Switches
from launcher.core.memory.context import context_bytes, window_cells
from launcher.core.memory.graph.architectures import drafter_of
from launcher.core.memory.graph.builder import Ground
from launcher.core.memory.layout import Layout
from launcher.core.memory.sizing import Sizing
from launcher.core.model import Model
from launcher.core.settings import NO_DRAFTING, Settings


def draft_settings(settings: Settings) -> Settings:
    """Of the context that drafts (``common_base_params_to_speculative``): one row of logits for each
    slot, caches of its own types, and nothing else beside it."""
    return replace(
        settings,
        cache_type_k=settings.drafting.cache_type_k,
        cache_type_v=settings.drafting.cache_type_v,
        n_outputs=settings.n_seq_max,
        projector=NO_USAGE,
        drafting=NO_DRAFTING,
    )


def mtp_block(model: Model) -> Model:
    """The blocks that only draft, as a model of their own: they attend to a plain cache."""
    blocks = model.layers[model.n_layer :]
    layers = tuple(
        replace(layer, predicts=False, cached=True, recurrent=False, indexed=0) for layer in blocks
    )
    return replace(model, layers=layers, n_layer=len(layers))


class MtpContext:
    """Projects the context that drafts; its weights are the model's own."""

    def __init__(self, model: Model, settings: Settings, gpus: int) -> None:
        self._first = model.n_layer
        self._block = mtp_block(model)
        self._settings = draft_settings(settings)
        self._gpus = gpus

    @cached_property
    def _computer(self) -> Computer | None:
        build = drafter_of(self._block)
        return None if build is None else Computer(build, self._block)

    @property
    def derived(self) -> bool:
        """Is the block's graph known; compute bytes are a bound otherwise."""
        return self._computer is not None

    def __call__(self, layout: Layout, n_ctx: int, *, pipeline: bool) -> tuple[Usage, ...]:
        """Bytes on each device, GPUs in order and the host last, where the model lies so."""
        sizing = Sizing.of(self._block, self._settings, n_ctx)
        homes = layout.homes[self._first :]
        context = context_bytes(self._block, sizing, self._settings, homes, self._gpus)
        computed = self._compute(layout, sizing, pipeline=pipeline)
        return tuple(
            Usage(context=cache, compute=buffer)
            for cache, buffer in zip(context, computed.bytes, strict=True)
        )

    def _compute(self, layout: Layout, sizing: Sizing, *, pipeline: bool) -> Compute:
        if self._computer is None:
            return bound(self._block, sizing, self._gpus, pipeline=pipeline, offloading=layout.may_offload)
        home = layout.homes[self._first]
        subject = Subject(
            sizing=sizing,
            rows=[Row(self._block.layers[0], home, layout.exceptions[self._first])],
            ground=Ground(
                gpus=self._gpus,
                first=home,
                output=layout.homes[-1],
                kv_offload=self._settings.kv_offload,
                window_cells=window_cells(self._block, sizing, self._settings),
                moved=layout.common,
            ),
            switches=Switches(pipeline=pipeline, op_offload=self._settings.op_offload),
        )
        return self._computer(subject, "exact")
