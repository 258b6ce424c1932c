"""Machines for tests: the reference machine's GPUs, and machines that hypothesis makes up."""

from hypothesis import strategies as st

from launcher.core.machine import Gpu, Headroom, Machine
from launcher.core.units import MIB

mebibytes = st.integers(0, 2**20).map(lambda count: count * MIB)


@st.composite
def gpus(draw: st.DrawFn) -> Gpu:
    """Any GPU whose sizes are whole MiB, as machine files write them; without uuid and pci."""
    total = draw(st.integers(1, 2**20)) * MIB
    return Gpu(
        name=draw(st.text(min_size=1).filter(str.strip)),
        vendor=draw(st.sampled_from(("nvidia", "amd", "intel"))),
        total=total,
        free=draw(st.integers(0, total // MIB)) * MIB,
        role=draw(st.sampled_from(("compute", "display", "unknown"))),
        compute_capability=draw(st.none() | st.sampled_from(("7.5", "8.9", "9.0", "12.0"))),
        multiprocessors=draw(st.none() | st.integers(1, 300)),
        bandwidth=draw(st.none() | st.integers(1, 10**7).map(lambda count: count * 10**6)),
        margin=draw(st.none() | mebibytes),
    )


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any machine that a machine file can hold exactly."""
    memory = draw(st.none() | mebibytes)
    return Machine(
        name=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]*", fullmatch=True)),
        gpus=tuple(draw(st.lists(gpus(), max_size=4))),
        host_memory=memory,
        host_free=draw(st.none() if memory is None else st.none() | st.just(memory // 2 // MIB * MIB)),
        headroom=draw(st.builds(Headroom, compute=mebibytes, display=mebibytes)),
    )
