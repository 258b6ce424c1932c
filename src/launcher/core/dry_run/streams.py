"""Server slots in a dry run: fit-params knows sequences, but not a cache that they share."""

from launcher.core.dry_run.questions import Asked
from launcher.core.header import Header


def streams_of(asked: Asked, header: Header) -> int:
    """How many sequences to ask for.

    Slots that share one cache (the server's default when N_PARALLEL is not set) need what one
    sequence needs, except for a state or a sliding window that each slot has of its own: then as
    many sequences as slots are asked for, which is no less than the server takes.
    """
    slots = asked.settings.n_seq_max
    shared = asked.settings.unified and not has_state_per_sequence(header)
    return 1 if shared else slots


def doubts_of(asked: Asked, header: Header, counted: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """What the dry run leaves out, unless it is `counted` elsewhere, or takes otherwise than the
    server does."""
    doubts = [f"the dry run does not count the {what}" for what in asked.left_out if what not in counted]
    if asked.settings.unified and asked.settings.n_seq_max > 1 and has_state_per_sequence(header):
        doubts.append("the dry run gives each slot a cache of its own, where the server shares one")
    return tuple(doubts)


def has_state_per_sequence(header: Header) -> bool:
    """Whether each sequence has a state, or a window of its own in the cache."""
    marks = (".ssm.", ".wkv.", ".shortconv.", ".attention.sliding_window")
    return any(mark in key for key in header.metadata for mark in marks)
