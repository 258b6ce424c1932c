"""Which trials a search goes on from, and the proof that layers have to stay on the host."""

from launcher.core.tune import Tuning, cache_limit, parents
from launcher.core.tune.report import to_json
from launcher.core.units import MIB
from tuning import FREE, failed, task, trial

ALONE = task(gpus=1)
ROOM = FREE // MIB - 128
CACHE_TOO_LARGE = ROOM // 11 + 1


def test_the_best_are_gone_on_from() -> None:
    trials = [trial(ALONE, 500 + host, layers=(11,), host=host) for host in (500, 400, 300, 200)]
    assert parents(trials) == [trials[3], trials[2], trials[1]]


def test_the_profile_as_it_is_stays_while_only_it_has_the_context() -> None:
    short = trial(ALONE, 500, layers=(11,), n_ctx=2048)
    base = trial(ALONE, 0, layers=(11,))
    assert parents([base, short]) == [base, short, base]
    assert parents([base, trial(ALONE, 500, layers=(11,))])[0] != base


def test_what_keeps_all_layers_and_misses_least_is_gone_on_from_while_the_best_leaves_some() -> None:
    base, worse, better = (
        trial(ALONE, 500, layers=(9,)),
        trial(ALONE, -900, layers=(11,)),
        trial(ALONE, -800, layers=(11,)),
    )
    assert parents([base, worse, better, failed(ALONE)])[0] == better
    dense = task(gpus=1, experts=False)
    leaving = trial(dense, 500, layers=(9,))
    assert parents([leaving, trial(dense, -900, layers=(11,))])[0] == leaving


def test_it_is_not_where_the_cache_alone_is_too_large() -> None:
    base = trial(ALONE, 500, layers=(9,), cache=CACHE_TOO_LARGE)
    assert parents([base, trial(ALONE, -900, layers=(11,), cache=CACHE_TOO_LARGE)])[0] == base


def test_a_cache_larger_than_the_gpus_is_why_layers_stay_on_the_host() -> None:
    base = trial(ALONE, 500, layers=(9,), cache=CACHE_TOO_LARGE)
    limit = cache_limit([base, failed(ALONE)])
    assert limit is not None
    assert (limit.needed, limit.room) == (CACHE_TOO_LARGE * 11 * MIB, ROOM * MIB)
    assert str(limit) == (
        "with this context some layers stay on the host: the cache of all takes at least 9,878 MiB,"
        " and the GPUs have 9,872 MiB above their margins"
    )
    made = to_json("p", "desk", Tuning(trials=(base,)))
    assert made["cache_limit"] == {"needed_bytes": limit.needed, "room_bytes": limit.room}


def test_it_is_no_reason_where_a_candidate_has_a_smaller_cache_or_more_room() -> None:
    base = trial(ALONE, 500, layers=(9,), cache=CACHE_TOO_LARGE)
    assert cache_limit([base, trial(ALONE, -900, layers=(11,), cache=CACHE_TOO_LARGE - 1)]) is None
    both = trial(task(), 500, 1500, layers=(5, 4), cache=CACHE_TOO_LARGE)
    assert cache_limit([base, both]) is None


def test_a_smaller_cache_of_a_smaller_context_is_no_way_out() -> None:
    base = trial(ALONE, 500, layers=(9,), cache=CACHE_TOO_LARGE)
    assert cache_limit([base, trial(ALONE, 500, layers=(10,), cache=1, n_ctx=2048)]) is not None


def test_nothing_is_proven_where_no_layer_stays_or_the_cache_may_be_on_the_host() -> None:
    assert cache_limit([trial(ALONE, 500, layers=(11,), cache=CACHE_TOO_LARGE)]) is None
    elsewhere = task(gpus=1, KV_OFFLOAD="0")
    assert cache_limit([trial(elsewhere, 500, layers=(9,), cache=CACHE_TOO_LARGE)]) is None
    assert cache_limit([failed(ALONE)]) is None
    assert cache_limit([trial(task(gpus=0), layers=(), cache=CACHE_TOO_LARGE)]) is None
    assert to_json("p", "desk", Tuning(trials=(trial(ALONE, 500, layers=(11,)),)))["cache_limit"] is None
