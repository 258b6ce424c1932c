"""Models beside the profile's own: counted where they lie, unknown where they can't be."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from launcher.core.companions import Companions
from launcher.core.fit import Placement, place
from launcher.core.header import Header, Tensor
from launcher.core.ledger import Usage
from launcher.core.machine import Machine
from launcher.core.memory.projector import ASSUMED
from launcher.core.model import Model
from launcher.core.plan import Plan, plan
from launcher.core.settings import Drafting, Settings
from launcher.core.subject import Subject
from launcher.core.units import MIB
from planning import GLM_SMALL, RTX_4090, TINY, known, machine, production, profile

SHORT = production(n_ctx=8192)
LARGE = production(n_ctx=131072, cache_type_k="f16", cache_type_v="f16")
TAKEN = Usage(model=600 * MIB, compute=ASSUMED)
PROJECTOR = Header(
    metadata={"general.architecture": "clip"},
    tensors=(Tensor("v.blk.0.attn_q.weight", (1024, 1024), 1, 600 * MIB),),
    file_bytes=600 * MIB,
    source="file",
)


def about(
    companions: Companions,
    environment: Mapping[str, str],
    command: tuple[str, ...] = (),
    settings: Settings = SHORT,
) -> Subject:
    made = Subject.of(
        profile(GLM_SMALL, environment=environment, command=command), known(GLM_SMALL), companions
    )
    read = made.settings
    return replace(
        made,
        settings=replace(
            settings,
            projector=read.projector,
            projector_offload=read.projector_offload,
            drafting=read.drafting,
        ),
    )


def planned(companions: Companions, **environment: str) -> Plan:
    return plan(about(companions, environment), machine())


def free(found: Plan) -> list[int | None]:
    assert found.placed is not None
    return [line.free for line in found.placed.gpus]


def added(found: Plan, alone: Plan) -> list[Usage]:
    return [more - less for more, less in zip(usages(found), usages(alone), strict=True)]


def test_a_projector_lies_on_the_first_gpu() -> None:
    alone, more = planned(Companions()), planned(Companions(projector=PROJECTOR))
    assert added(more, alone) == [TAKEN, Usage(), Usage()]
    assert free(more) == free(alone)


def test_a_projector_that_is_not_offloaded_lies_on_the_host() -> None:
    more = planned(Companions(projector=PROJECTOR), LLAMA_ARG_MMPROJ_OFFLOAD="off")
    assert added(more, planned(Companions())) == [Usage(), Usage(), TAKEN]


def test_the_fit_leaves_room_for_a_projector() -> None:
    one = machine(RTX_4090)
    alone, more = (
        plan(about(companions, {}, settings=LARGE), one)
        for companions in (Companions(), Companions(projector=PROJECTOR))
    )
    assert alone.holds
    assert more.holds
    assert usages(more)[0].model < usages(alone)[0].model + TAKEN.model


def test_a_draft_model_is_part_of_the_figures() -> None:
    alone, more = planned(Companions()), planned(Companions(draft=known(TINY).model))
    assert free(alone) == free(more)
    assert usages(more)[0].total > usages(alone)[0].total
    (finding,) = [each for each in more.findings if each.code == "L017"]
    assert finding.message.startswith("the draft model takes ")
    assert finding.message.endswith("with the settings as given, and the fit counts it")


def test_what_they_take_is_named() -> None:
    (finding,) = [each for each in planned(Companions(projector=PROJECTOR)).findings if each.code == "L017"]
    assert finding.message == (
        "the projector takes 1,624 MiB on CUDA0, and the fit counts it;"
        " 1,024 MiB of it assumed for the projector's compute buffers"
    )
    assert not [each for each in planned(Companions()).findings if each.code == "L017"]


def test_more_than_a_gpu_has_free_does_not_fit() -> None:
    huge = replace(PROJECTOR, tensors=(replace(PROJECTOR.tensors[0], nbytes=30_000 * MIB),))
    found = planned(Companions(projector=huge))
    assert (found.verdict, found.reason) == (
        "does-not-fit",
        "CUDA0 needs 7,694 MiB more than is free (7,822 MiB with its margin)",
    )


def test_one_that_cannot_be_read_makes_the_plan_unknown() -> None:
    found = planned(Companions(missing="mmproj.gguf: no such file"))
    assert (found.verdict, found.reason) == ("unknown", "missing: mmproj.gguf: no such file")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SPEC_TYPE": "draft-eagle3"}, "memory of SPEC_TYPE=draft-eagle3 is not derived"),
        (
            {"SPEC_TYPE": "draft-mtp"},
            "the model has no MTP block: with SPEC_TYPE=draft-mtp the server would not start",
        ),
        (
            {"SPEC_DRAFT_CPU_MOE": "on"},
            "memory of a draft model whose devices are given by hand is not derived",
        ),
    ],
)
def test_drafting_without_figures_is_unknown(settings: dict[str, str], reason: str) -> None:
    found = planned(Companions(), **{f"LLAMA_ARG_{key}": value for key, value in settings.items()})
    assert (found.verdict, found.reason) == ("unknown", f"missing: {reason}")


def test_drafting_from_what_was_said_takes_no_memory_on_a_gpu() -> None:
    assert planned(Companions(), LLAMA_ARG_SPEC_TYPE="ngram-mod").verdict == "fits"


def test_an_engine_that_knows_no_draft_model_is_told_to_leave_room() -> None:
    companions = Companions(draft=known(TINY).model)
    with_it = replace(SHORT, split_mode="layer", drafting=Drafting(model=companions.draft))
    found, words = by_engine(companions, settings=with_it)
    alone = by_engine(Companions(), settings=replace(SHORT, split_mode="layer"))[0]
    assert words[0] == "--fit-target"
    assert all(more.total > less.total for more, less in zip(usages(found), usages(alone), strict=True))


def test_the_embedded_server_sees_no_gpus() -> None:
    about = Subject(
        profile=profile(TINY, runtime="embedded"), settings=production(n_ctx=8192), known=known(TINY)
    )
    found = plan(replace(about, companions=Companions(projector=PROJECTOR)), machine())
    assert found.placed is not None
    assert found.placed.gpus == ()


def by_engine(
    companions: Companions,
    *,
    settings: Settings = SHORT,
    command: tuple[str, ...] = (),
    **environment: str,
) -> tuple[Plan, tuple[str, ...]]:
    """The plan with an engine that repeats the estimate without companions, and the words it was asked."""
    asked: list[tuple[str, ...]] = []

    def ask(model: Model, given: Mapping[str, str], words: tuple[str, ...], on: Machine) -> Placement:
        asked.append(words)
        placed = place(model, production(n_ctx=8192), on)
        return replace(placed, fitted=replace(placed.fitted, source="engine"))

    return plan(about(companions, environment, command, settings), machine(), ask=ask), asked[0]


def usages(found: Plan) -> list[Usage]:
    assert found.placed is not None
    return [line.usage for line in found.placed.devices]


def test_what_the_dry_run_leaves_out_is_added_to_its_devices() -> None:
    alone, more = by_engine(Companions())[0], by_engine(Companions(projector=PROJECTOR))[0]
    first, *rest = usages(alone)
    assert usages(more) == [first + TAKEN, *rest]
    assert free(more) == free(alone)


def test_a_projector_that_is_not_offloaded_is_added_to_the_host() -> None:
    alone = by_engine(Companions())[0]
    more = by_engine(Companions(projector=PROJECTOR), LLAMA_ARG_MMPROJ_OFFLOAD="off")[0]
    assert usages(more)[:-1] == usages(alone)[:-1]
    assert usages(more)[-1] == usages(alone)[-1] + Usage(model=600 * MIB, compute=ASSUMED)


def test_the_fit_is_told_to_leave_room_for_them() -> None:
    assert by_engine(Companions(), command=("--jinja",))[1] == ("--jinja",)
    words = by_engine(Companions(projector=PROJECTOR), command=("--jinja",))[1]
    assert words == ("--jinja", "--fit-target", f"{128 + 600 + 1024}")
    both = production(n_ctx=8192, split_mode="layer")
    words = by_engine(Companions(projector=PROJECTOR), settings=both)[1]
    assert words == ("--fit-target", f"{128 + 600 + 1024},1024")


def test_it_is_said_that_these_figures_are_the_estimates() -> None:
    found = by_engine(Companions(projector=PROJECTOR))[0]
    (finding,) = [each for each in found.findings if each.code == "L017"]
    assert finding.message == (
        "the projector takes 1,624 MiB on CUDA0, as estimated: the engine's dry run leaves it out, so"
        " that it is added to the figures; 1,024 MiB of it assumed for the projector's compute buffers"
    )


def test_what_is_added_can_be_too_much() -> None:
    huge = replace(PROJECTOR, tensors=(replace(PROJECTOR.tensors[0], nbytes=16_000 * MIB),))
    assert by_engine(Companions())[0].verdict == "fits"
    assert by_engine(Companions(projector=huge))[0].verdict == "does-not-fit"


def test_what_was_measured_with_them_goes_before_the_estimate() -> None:
    subject = about(Companions(projector=PROJECTOR, draft=known(TINY).model), {})
    estimated = plan(subject, machine())
    assert estimated.placed is not None
    first, *rest = estimated.placed.devices
    less = replace(first, usage=replace(first.usage, compute=first.usage.compute - 700 * MIB))
    measured = replace(estimated.placed, source="measured", devices=(less, *rest))
    found = plan(subject, machine(), measured)
    assert found.source == "measured"
    assert usages(found) == [less.usage, *(line.usage for line in rest)]
    assert free(found) == free(estimated)
