"""A projector's buffers, as the server counts them before its fit."""

import pytest

from launcher.core.header import Header, MetadataValue, Tensor
from launcher.core.ledger import Usage
from launcher.core.memory.projector import ASSUMED, projector_usage
from launcher.core.units import MIB


def projector(kind: str, **keys: int) -> Header:
    metadata: dict[str, MetadataValue] = {
        "general.architecture": "clip",
        "clip.projector_type": kind,
        "clip.vision.embedding_length": 1152,
        "clip.vision.feed_forward_length": 4304,
        "clip.vision.attention.head_count": 16,
    }
    metadata |= {f"clip.vision.{key}": value for key, value in keys.items()}
    tensors = (Tensor("v.blk.0.attn_q.weight", (1024, 1024), 1, 2 * MIB),)
    return Header(metadata=metadata, tensors=tensors, file_bytes=2 * MIB, source="file")


GEMMA = projector("gemma3", image_size=896, patch_size=14)
QWEN = projector("qwen3vl_merger", image_size=768, patch_size=16, spatial_merge_size=2)


@pytest.mark.parametrize(
    ("header", "flash", "engine"),
    [(GEMMA, True, 121.25), (GEMMA, False, 1132.0), (QWEN, True, 248.10), (QWEN, False, 4657.81)],
)
def test_buffers_are_those_of_the_engine_or_a_little_more(header: Header, flash: bool, engine: float) -> None:
    """engine: MiB that llama-server adds to the target of CUDA0, simulated, without the weights."""
    found = projector_usage(header, flash=flash).compute / MIB
    assert engine - 0.01 <= found <= 1.04 * engine


def test_another_kind_is_assumed_to_need_a_gibibyte_at_least() -> None:
    other = projector("pixtral", image_size=1024, patch_size=16)
    assert projector_usage(other, flash=True) == Usage(model=2 * MIB, compute=ASSUMED)
    assert projector_usage(other, flash=False).compute > 4 * ASSUMED


def test_without_a_projector_there_is_nothing() -> None:
    assert projector_usage(None, flash=True) == Usage()
