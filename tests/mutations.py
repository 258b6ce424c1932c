"""Damage to a GGUF header, as a deterministic function of a random generator."""

import random
import struct

EXTREMES = (0, 1, 2, 255, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 60, 1 << 63, (1 << 64) - 1)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four damages: flipped bytes, extreme numbers, cuts, copies, insertions."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice((_flip, _extreme, _extreme, _cut, _copy, _insert))(damaged, chance)
    return bytes(damaged)


def _place(data: bytearray, chance: random.Random) -> int:
    """A position, half of the time among the first 2,000 bytes, where the counts are."""
    end = max(len(data), 1)
    return chance.randrange(min(end, 2000) if chance.random() < 0.5 else end)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _extreme(data: bytearray, chance: random.Random) -> None:
    number = struct.pack("<Q", chance.choice(EXTREMES))[: chance.choice((4, 8))]
    begin = _place(data, chance)
    data[begin : begin + len(number)] = number


def _cut(data: bytearray, chance: random.Random) -> None:
    begin = _place(data, chance)
    del data[begin : chance.choice((begin + 1, begin + 8, len(data)))]


def _copy(data: bytearray, chance: random.Random) -> None:
    begin, target = _place(data, chance), _place(data, chance)
    data[target:target] = data[begin : begin + chance.randrange(200)]


def _insert(data: bytearray, chance: random.Random) -> None:
    begin = _place(data, chance)
    data[begin:begin] = chance.randbytes(chance.randrange(1, 16))
