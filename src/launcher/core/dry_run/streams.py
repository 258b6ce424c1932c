"""Server slots in a dry run: fit-params knows sequences, but not a cache that they share."""

from launcher.core.dry_run.questions import Asked
from launcher.core.header import Header


def streams_of(asked: Asked, header: Header) -> tuple[int, tuple[str, ...]]:
    """How many sequences to ask for, and what to say about it.

    Slots that share one cache (the server's default when N_PARALLEL is not set) need what one
    sequence needs, except for a state or a sliding window that each slot has of its own: then as
    many sequences as slots are asked for, which is no less than the server takes.
    """
    slots = asked.settings.n_seq_max
    if not asked.settings.unified or slots == 1:
        return slots, ()
    if _has_state_per_sequence(header):
        return slots, (
            f"the dry run gives each of the {slots} slots a cache of its own, where the server shares one",
        )
    return 1, ()


def _has_state_per_sequence(header: Header) -> bool:
    marks = (".ssm.", ".wkv.", ".shortconv.", ".attention.sliding_window")
    return any(mark in key for key in header.metadata for mark in marks)
