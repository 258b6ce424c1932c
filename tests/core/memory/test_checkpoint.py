"""Context checkpoints: of which models, and how large."""

from launcher.core.memory.checkpoint import checkpoint_bytes
from launcher.core.model import Model
from launcher.core.settings import Drafting, Settings
from models import model
from planning import GLM, HYBRID, header, production


def test_a_hybrid_keeps_the_states_of_one_sequence() -> None:
    hybrid = Model.of(header(HYBRID))
    layers, floats = 48, 3 * (6144 + 2 * 16 * 128) + 128 * 6144
    sizes = {checkpoint_bytes(hybrid, production(n_parallel=slots), 131072) for slots in (1, 4)}
    assert sizes == {layers * floats * 4}


def test_full_attention_needs_none() -> None:
    assert checkpoint_bytes(Model.of(header(GLM)), production(), 131072) == 0


def test_of_window_layers_the_window_is_kept() -> None:
    found = model(architecture="gemma2", layers=4, extra={"attention.sliding_window": 1000})
    windowed = 2 * 1000 * 2 * 256 * 2
    assert checkpoint_bytes(found, Settings(), 8192) == windowed
    assert checkpoint_bytes(found, Settings(swa_full=True), 8192) == 0
    assert checkpoint_bytes(found, Settings(n_parallel=4), 1024) == windowed * 256 // 1000


def test_of_what_drafts_the_whole_cache_is_kept() -> None:
    hybrid = Model.of(header(HYBRID))
    draft = model(layers=2)
    own = checkpoint_bytes(hybrid, production(), 8192)
    both = checkpoint_bytes(hybrid, production(drafting=Drafting(model=draft)), 8192)
    assert both - own == 8192 * 2 * 2 * 256 * 2
    assert checkpoint_bytes(Model.of(header(GLM)), production(drafting=Drafting(model=draft)), 8192) == 0
