"""Rules about what is known of the model."""

from collections.abc import Iterator

from launcher.core.findings import Finding
from launcher.core.lint.case import Case, Rule, SubjectRule
from launcher.core.subject import Subject


def facts_are_read(subject: Subject) -> Iterator[Finding]:
    if subject.missing is not None:
        yield Finding(
            code="L001",
            level="error",
            message=f"{subject.missing}; nothing is inferred from a name or a file size",
            hint="launcher snapshot keeps the header of a model for machines without its file",
            key="MODEL",
        )


def figures_are_derived(case: Case) -> Iterator[Finding]:
    for doubt in case.assessment.placement.doubts:
        yield Finding(
            code="L002",
            level="error" if case.assessment.judgement.verdict == "unknown" else "info",
            message=f"{case.model.architecture}: {doubt}",
            hint="launcher plan --engine asks the llama.cpp of the profile's image",
            key="MODEL",
        )


def header_is_the_files(subject: Subject) -> Iterator[Finding]:
    known = subject.known
    if known.stale:
        yield Finding(
            code="L003",
            level="warning",
            message=f"the header kept for {known.facts.path} is not that of the file: {known.stale}",
            hint="launcher snapshot PROFILE takes it again",
            key="MODEL",
        )
    if known.facts.header == "reconstructed":
        yield Finding(
            code="L003",
            level="info",
            message=f"the header of {known.facts.path} is reconstructed from the published"
            " configuration, not read from the published file",
            hint="launcher snapshot PROFILE takes it from the file",
            key="MODEL",
        )


def context_is_trained(case: Case) -> Iterator[Finding]:
    asked, trained = case.settings.n_ctx // case.settings.n_seq_max, case.model.n_ctx_train
    if case.settings.unified:
        asked = case.settings.n_ctx
    if asked > trained > 0:
        yield Finding(
            code="L010",
            level="warning",
            message=f"CTX_SIZE={case.settings.n_ctx} gives {asked:,} tokens to a sequence, but the"
            f" model was trained for {trained:,}",
            hint=f"CTX_SIZE={trained}, or rope scaling if the model's authors name factors for it",
            key="CTX_SIZE",
        )


def recurrent_state_is_not_shifted(subject: Subject) -> Iterator[Finding]:
    model = subject.known.model
    if model is None or not model.recurrent or not subject.context_shift:
        return
    layers = sum(layer.recurrent for layer in model.layers)
    yield Finding(
        code="L009",
        level="warning",
        message=f"context shift is on, but {layers} of {model.n_layer} layers keep a recurrent"
        " state, which can't be shifted: the server turns it off",
        hint="--no-context-shift, and a CTX_SIZE that holds the whole conversation",
        key="EXTRA_ARGS",
    )


SUBJECT_RULES = (
    SubjectRule(
        code="L001",
        title="Never infer the architecture from a name or a file size",
        check=facts_are_read,
    ),
    SubjectRule(
        code="L003",
        title="Check real file sizes",
        check=header_is_the_files,
    ),
    SubjectRule(
        code="L009",
        title="No context shift on a model with recurrent layers",
        check=recurrent_state_is_not_shifted,
    ),
)

MODEL_RULES = (
    Rule(
        code="L002",
        title="A figure without a derived formula is no figure to rely on",
        check=figures_are_derived,
    ),
    Rule(
        code="L010",
        title="No context above what the model was trained for",
        check=context_is_trained,
    ),
)
