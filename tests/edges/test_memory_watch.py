"""The watch over free memory."""

from collections.abc import Mapping
from threading import Event

from launcher.core.errors import failure
from launcher.edges.memory_watch import MemoryWatch


def test_the_lowest_of_all_looks_counts_for_each_gpu() -> None:
    looks = [{"a": 5, "b": 9}, {"a": 3, "b": 9}, {"a": 4, "b": 8}]
    done = Event()

    def look() -> Mapping[str, int]:
        if len(looks) == 1:
            done.set()
        return looks.pop(0) if len(looks) > 1 else looks[0]

    with MemoryWatch(look, seconds=0.001) as watch:
        assert done.wait(10)
    assert watch.lowest == {"a": 3, "b": 8}


def test_a_look_that_fails_is_left_out() -> None:
    def look() -> Mapping[str, int]:
        raise failure("the driver does not answer")

    with MemoryWatch(look, seconds=0.001) as watch:
        pass
    assert watch.lowest == {}
