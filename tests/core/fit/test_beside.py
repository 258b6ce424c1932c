"""What drafts is fitted together with the model."""

from dataclasses import replace

import pytest

from architectures.pieces import next_tokens
from launcher.core.fit import Placement, place
from launcher.core.header import Tensor
from launcher.core.ledger import Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.model import Model
from launcher.core.settings import Drafting, Settings
from launcher.core.units import GIB, MIB
from models import header, model
from oracle_cases import load_header
from planning import RTX_4090, RTX_5070_TI

MTP = Drafting(kinds=("draft-mtp",))
SMALL = model(layers=4, embd=512, heads_kv=2, feed=1024)


def with_mtp() -> Model:
    """A transformer with experts whose fourth block only drafts."""
    made = header(
        architecture="glm4moe", layers=4, experts=8, extra={"nextn_predict_layers": 1, "context_length": 8192}
    )
    drafting = (replace(one, name=f"blk.3.{one.name}") for one in next_tokens())
    return Model.of(replace(made, tensors=(*made.tensors, *drafting)))


def machine(*free: int) -> Machine:
    gpus = tuple(Gpu(name="GPU", total=mib * MIB, free=mib * MIB) for mib in free)
    return Machine(name="test", gpus=gpus, host_memory=64 * GIB)


def placed(found: Model, on: Machine, drafting: Drafting, **settings: object) -> Placement:
    asked = Settings(n_ctx=4096, n_parallel=1, drafting=drafting, **settings)  # type: ignore[arg-type]
    return place(found, asked, on)


def usages(found: Placement) -> list[Usage]:
    return [line.usage for line in found.fitted.devices]


def block_bytes(found: Model) -> int:
    tensors: list[Tensor] = [one for one in found.header.tensors if one.name.startswith("blk.3.")]
    return sum(one.nbytes for one in tensors)


def test_an_mtp_block_is_loaded_only_to_draft() -> None:
    found = with_mtp()
    alone, more = (placed(found, machine(24_000), each) for each in (Drafting(), MTP))
    assert usages(more)[0].model - usages(alone)[0].model == block_bytes(found)
    assert usages(more)[0].context - usages(alone)[0].context == 4096 * 2 * 256 * 2
    assert more.doubts == ()


def test_the_fit_counts_a_block_that_is_loaded() -> None:
    found = with_mtp()

    def left_on_host(drafting: Drafting) -> int | None:
        whole = usages(placed(found, machine(24_000), drafting))[0].total // MIB
        return placed(found, machine(whole - 8), drafting, fit_target=(0,)).fitted.host.layers

    assert (left_on_host(Drafting()), left_on_host(MTP)) == (1, 0)


def test_the_caches_of_the_draft_have_types_of_their_own() -> None:
    quantised = replace(MTP, cache_type_k="q8_0", cache_type_v="q8_0")
    small, large = (usages(placed(with_mtp(), machine(24_000), each))[0].context for each in (quantised, MTP))
    assert large - small == pytest.approx(4096 * 2 * 256 * 30 // 32, abs=1024)


def test_a_draft_model_goes_where_the_model_left_room() -> None:
    found = placed(model(layers=16), machine(8000, 8000), Drafting(model=SMALL), fit_target=(0,))
    alone = placed(model(layers=16), machine(8000, 8000), Drafting(), fit_target=(0,))
    own = sum(one.nbytes for one in SMALL.header.tensors) - SMALL.tensors["token_embd.weight"].nbytes
    gained = [more.model - less.model for more, less in zip(usages(found), usages(alone), strict=True)]
    assert sum(gained[:-1]) == own
    assert all(part > 0 for part in gained)


def test_a_draft_model_makes_the_fit_move_layers() -> None:
    whole = usages(placed(model(layers=16), machine(8000), Drafting()))[0].total // MIB
    tight = machine(whole + 8)
    found = placed(model(layers=16), tight, Drafting(model=SMALL), fit_target=(0,))
    alone = placed(model(layers=16), tight, Drafting(), fit_target=(0,))
    assert alone.fitted.host.layers == 0
    assert (found.fitted.host.layers or 0) > 0
    assert (found.fitted.gpus[0].left or 0) >= 0


def test_a_draft_model_that_is_kept_on_the_host_stays_there() -> None:
    draft = Drafting(model=SMALL, n_gpu_layers=0)
    found = placed(model(layers=16), machine(8000), draft)
    alone = placed(model(layers=16), machine(8000), Drafting())
    assert usages(found)[0].model == usages(alone)[0].model


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("gguf", "options", "expected"),
    [
        (
            "Qwen3.6-35B-A3B-MTP-Q8_0.gguf",
            {"n_ctx": 32768, "n_parallel": 1},
            [(23906.72, 623.88, 245.6), (11618.42, 331.38, 519.2), (515.31, 0.0, 284.14)],
        ),
        (
            "GLM-4.5-Air-Q8_0.gguf",
            {"n_ctx": 32768, "n_parallel": 1},
            [(73844.52, 4096.0, 322.04), (37532.83, 1920.0, 726.1), (629.0, 0.0, 304.1)],
        ),
        (
            "GLM-4.5-Air-Q8_0.gguf",
            {"n_ctx": 8192, "n_parallel": 2, "flash_attention": "off"},
            [(73844.52, 1024.0, 1003.06), (37532.83, 480.0, 1947.09), (629.0, 0.0, 144.06)],
        ),
    ],
)
def test_the_mtp_context_is_the_engines_to_the_byte(
    gguf: str, options: dict[str, object], expected: list[tuple[float, float, float]]
) -> None:
    """MiB as llama-server logs them on simulated GPUs, its model and its MTP context added."""
    slots = options["n_parallel"]
    assert isinstance(slots, int)
    settings = Settings(fit=False, drafting=MTP, n_outputs=slots * 4, **options)  # type: ignore[arg-type]
    desk = Machine(name="desk", gpus=(RTX_4090, RTX_5070_TI))
    found = place(Model.of(load_header(gguf)), settings, desk).initial
    figures = [(line.usage.model, line.usage.context, line.usage.compute) for line in found.devices]
    assert figures == [pytest.approx([mib * MIB for mib in line], abs=0.02 * MIB) for line in expected]
