"""Models beside the profile's own: counted where they lie, unknown where they can't be."""

from dataclasses import replace

import pytest

from launcher.core.companions import PROJECTOR_COMPUTE, Companions
from launcher.core.header import Header, Tensor
from launcher.core.plan import Plan, plan
from launcher.core.subject import Subject
from launcher.core.units import MIB
from planning import GLM_SMALL, TINY, known, machine, production, profile

PROJECTOR = Header(
    metadata={"general.architecture": "clip"},
    tensors=(Tensor("v.blk.0.attn_q.weight", (1024, 1024), 1, 600 * MIB),),
    file_bytes=600 * MIB,
    source="file",
)


def planned(companions: Companions, **environment: str) -> Plan:
    about = Subject(
        profile=profile(GLM_SMALL, environment=environment),
        settings=production(n_ctx=8192),
        known=known(GLM_SMALL),
        companions=companions,
    )
    return plan(about, machine())


def free(found: Plan) -> list[int | None]:
    assert found.placed is not None
    return [line.free for line in found.placed.gpus]


def test_a_projector_lies_on_the_first_gpu() -> None:
    alone, more = free(planned(Companions())), free(planned(Companions(projector=PROJECTOR)))
    assert alone[0] is not None
    assert more == [alone[0] - 600 * MIB - PROJECTOR_COMPUTE, alone[1]]


def test_a_projector_that_is_not_offloaded_takes_nothing() -> None:
    found = planned(Companions(projector=PROJECTOR), LLAMA_ARG_MMPROJ_OFFLOAD="off")
    assert free(found) == free(planned(Companions()))


def test_a_draft_model_is_split_as_the_model_is() -> None:
    alone, more = free(planned(Companions())), free(planned(Companions(draft=known(TINY).model)))
    assert all(
        less < own for less, own in zip(more, alone, strict=True) if less is not None and own is not None
    )


def test_what_they_take_is_named() -> None:
    (finding,) = [each for each in planned(Companions(projector=PROJECTOR)).findings if each.code == "L017"]
    assert finding.message == (
        "models beside the profile's own take 1,624 MiB on CUDA0, and leave as much less free;"
        " 1,024 MiB of it assumed for the projector's compute buffers"
    )
    assert not [each for each in planned(Companions()).findings if each.code == "L017"]


def test_more_than_a_gpu_has_free_does_not_fit() -> None:
    huge = replace(PROJECTOR, tensors=(replace(PROJECTOR.tensors[0], nbytes=30_000 * MIB),))
    found = planned(Companions(projector=huge))
    assert (found.verdict, found.reason) == (
        "does-not-fit",
        "models beside the profile's own need 7,424 MiB more than CUDA0 has free",
    )


def test_one_that_cannot_be_read_makes_the_plan_unknown() -> None:
    found = planned(Companions(missing="mmproj.gguf: no such file"))
    assert (found.verdict, found.reason) == ("unknown", "missing: mmproj.gguf: no such file")


@pytest.mark.parametrize(("kind", "verdict"), [("draft-mtp", "unknown"), ("none", "fits")])
def test_speculation_without_a_formula_is_unknown(kind: str, verdict: str) -> None:
    assert planned(Companions(), LLAMA_ARG_SPEC_TYPE=kind).verdict == verdict


def test_the_embedded_server_sees_no_gpus() -> None:
    about = Subject(
        profile=profile(TINY, runtime="embedded"), settings=production(n_ctx=8192), known=known(TINY)
    )
    found = plan(replace(about, companions=Companions(projector=PROJECTOR)), machine())
    assert found.placed is not None
    assert found.placed.gpus == ()
