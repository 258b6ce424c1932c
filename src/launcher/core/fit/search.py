"""Distributing layers over devices: the search of llama.cpp's fit (``common/fit.cpp``, build 11160).

It follows the engine step by step, its oversights included, because its result is what will run.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from launcher.core.fit.shares import Fraction, Share, Shares

Measure = Callable[[Shares], tuple[int, ...]]
"""Bytes that each GPU needs under these shares."""


def fill_dense(measure: Measure, targets: Sequence[int], n_layers: int, *, moe: bool) -> Shares:
    """Fill the devices from the last to the first with layers; of a MoE model without experts.

    targets: bytes that each device may use. n_layers: layers with the output counted as one.
    """
    shares: Shares = (Share(),) * len(targets)
    memory = measure(shares)
    for device in reversed(range(len(targets))):
        unassigned = n_layers - sum(share.layers for share in shares[device + 1 :])
        if not unassigned:
            continue
        full_last = moe and device == len(targets) - 1
        partial = unassigned - full_last if moe else 0
        high = _with(shares, device, shares[device].with_layers(unassigned, partial))
        memory_high = measure(high)
        if memory_high[device] <= targets[device]:
            shares, memory = high, memory_high
            continue
        shares, memory = _narrow(measure, targets[device], device, shares, memory, high, memory_high, moe=moe)
    return shares


def _narrow(
    measure: Measure,
    target: int,
    device: int,
    low: Shares,
    memory: tuple[int, ...],
    high: Shares,
    memory_high: tuple[int, ...],
    *,
    moe: bool,
) -> tuple[Shares, tuple[int, ...]]:
    """False position between a share that fits and one that doesn't; returns the one that fits."""
    last = device == len(low) - 1
    while (delta := high[device].layers - low[device].layers) > 1:
        step = _step(delta, target, memory[device], memory_high[device])
        share = low[device]
        added = step - 1 if last and share.partial == 0 else step
        test = _with(low, device, share.with_layers(share.layers + step, share.partial + added if moe else 0))
        measured = measure(test)
        if measured[device] <= target:
            low, memory = test, measured
        else:
            high, memory_high = test, measured
    return low, memory


def _step(delta: int, target: int, low: int, high: int) -> int:
    """Layers to add, by linear interpolation, as unsigned 32-bit arithmetic makes it."""
    room, span = delta * (target - low), (high - low) or 1
    quotient = abs(room) // abs(span)
    step = quotient if (room >= 0) == (span >= 0) else -quotient
    return min(max(step % (1 << 32), 1), delta - 1)


def _with(shares: Shares, device: int, share: Share) -> Shares:
    return (*shares[:device], share, *shares[device + 1 :])


def bring_back_experts(measure: Measure, targets: Sequence[int], shares: Shares) -> Shares:
    """Turn layers without experts into full ones, from the first device to the last, while they fit.

    Then try to fit a part of one more layer on each device.
    """
    state = _Conversion(measure, targets, shares)
    device = 0
    while device <= state.dense_start and state.dense_start < len(targets):
        state.convert(device)
        state.extend(device)
        device += 1
    return state.shares


def _dense_start(shares: Shares) -> int:
    """First of the devices with layers at the end; their number when the last has none."""
    start = len(shares)
    while start and shares[start - 1].layers:
        start -= 1
    return start


class _Conversion:
    """`dense_start`: the first device with layers that lack their experts."""

    def __init__(self, measure: Measure, targets: Sequence[int], shares: Shares) -> None:
        self.measure = measure
        self.targets = targets
        self.shares = shares
        self.memory = measure(shares)
        self.dense_start = _dense_start(shares)

    def convert(self, device: int) -> None:
        """Give `device` as many full layers as fit."""
        high, high_start = self._all_to(device), len(self.shares) - 1
        memory_high = self.measure(high)
        if memory_high[device] <= self.targets[device]:
            self.shares, self.memory, self.dense_start = high, memory_high, high_start
            return
        while (delta := high[device].full - self.shares[device].full) > 1:
            step = _step(delta, self.targets[device], self.memory[device], memory_high[device])
            test, start = self._converted(device, step)
            measured = self.measure(test)
            if measured[device] <= self.targets[device]:
                self.shares, self.memory, self.dense_start = test, measured, start
            else:
                high, memory_high = test, measured

    def _all_to(self, device: int) -> Shares:
        """All layers from the dense devices on `device`, but one that the last device keeps."""
        shares = list(self.shares)
        last = len(shares) - 1
        for other in range(self.dense_start, len(shares)):
            moved = shares[other].layers - (1 if other == last else 0)
            shares[device] = replace(shares[device], layers=shares[device].layers + moved)
            shares[other] = replace(shares[other], layers=shares[other].layers - moved, partial=0)
        return tuple(shares)

    def _converted(self, device: int, step: int) -> tuple[Shares, int]:
        """`step` partial layers, taken from the first dense device on, as full layers of `device`."""
        shares, start, converted = list(self.shares), self.dense_start, 0
        while start < len(shares):
            count = min(step - converted, shares[start].partial)
            donor = shares[start]
            shares[start] = replace(donor, layers=donor.layers - count, partial=donor.partial - count)
            shares[device] = replace(shares[device], layers=shares[device].layers + count)
            converted += count
            if shares[start].partial > 0:
                break
            start += 1
        return tuple(shares), start

    def extend(self, device: int) -> None:
        """Put a part of one more layer on `device`: what fits of up, gate or only attention."""
        last = len(self.shares) - 1
        if self.dense_start > last or self.shares[self.dense_start].layers <= (device >= last):
            return
        shares, start = list(self.shares), self.dense_start
        donor = shares[start]
        shares[start] = replace(donor, layers=donor.layers - 1, partial=donor.partial - 1)
        receiver = shares[device]
        shares[device] = replace(
            receiver,
            layers=receiver.layers + 1,
            partial=receiver.partial + 1,
            target=device + 1 if device < last else receiver.target,
        )
        if shares[start].partial == 0:
            start += 1
        if self._try(device, shares, start, Fraction.UP):
            self._try(device, shares, start, Fraction.GATE)
        else:
            self._try(device, shares, start, Fraction.ATTN)

    def _try(self, device: int, shares: Sequence[Share], start: int, fraction: Fraction) -> bool:
        test = list(shares)
        test[device] = replace(test[device], fraction=fraction)
        measured = self.measure(tuple(test))
        following = device + 1 == len(test) or measured[device + 1] < self.targets[device + 1]
        if not (measured[device] < self.targets[device] and following):
            return False
        self.shares, self.memory, self.dense_start = tuple(test), measured, start
        return True
