"""Host memory: what is needed, what may grow, what passes."""

from dataclasses import replace

from launcher.core.host_memory import host_demand
from launcher.core.ledger import Usage
from launcher.core.units import GIB
from planning import machine, mib, production


def test_parts_sum_to_the_total() -> None:
    demand = host_demand(
        Usage(model=mib(300), context=mib(20), compute=mib(40)), production(), machine(), 30 * GIB
    )
    assert demand.needed_bytes == mib(360)
    assert demand.total_bytes == mib(360) + 8 * GIB
    assert [amount.name for amount in (*demand.needed, *demand.growing)] == [
        "weights",
        "context",
        "compute",
        "prompt cache",
    ]


def test_weights_for_the_gpus_only_pass_through() -> None:
    used = Usage(model=mib(300))
    assert host_demand(used, production(), machine(), 30 * GIB).page_cache == 30 * GIB - mib(300)
    assert host_demand(used, production(mmap=False), machine(), 30 * GIB).page_cache == 0


def test_what_is_free_counts_where_it_is_known() -> None:
    desk = replace(machine(), host_free=2 * GIB)
    demand = host_demand(Usage(model=3 * GIB), production(cache_ram=0), desk, None)
    assert (demand.supply, demand.missing, demand.missing_later) == (2 * GIB, GIB, GIB)


def test_unknown_supply_is_not_missing() -> None:
    demand = host_demand(Usage(model=3 * GIB), production(), machine(memory=None), None)
    assert (demand.supply, demand.missing, demand.missing_later) == (None, 0, 0)


def test_a_container_has_no_more_than_its_limit() -> None:
    desk = replace(machine(), host_limit=2 * GIB)
    demand = host_demand(Usage(model=3 * GIB), production(), desk, 30 * GIB)
    assert (demand.supply, demand.limited, demand.missing) == (2 * GIB, True, GIB)


def test_a_limit_above_what_is_there_changes_nothing() -> None:
    desk = replace(machine(), host_limit=100 * GIB)
    demand = host_demand(Usage(model=3 * GIB), production(), desk, 30 * GIB)
    assert (demand.supply, demand.limited) == (64 * GIB, False)


def test_each_slot_may_fill_up_with_checkpoints() -> None:
    settings = production(cache_ram=0, n_parallel=4, ctx_checkpoints=8)
    demand = host_demand(Usage(), settings, machine(), None, checkpoint=mib(150))
    assert [(amount.name, amount.nbytes) for amount in demand.growing] == [("checkpoints", mib(4 * 8 * 150))]


def test_checkpoints_can_be_turned_off() -> None:
    settings = production(cache_ram=0, ctx_checkpoints=-1)
    assert host_demand(Usage(), settings, machine(), None, checkpoint=mib(150)).growing == ()
