"""The same model at fewer bits: a header whose large tensors have a smaller type."""

from collections.abc import Iterator
from dataclasses import replace

from launcher.core.header import Header, Tensor, TensorTypes

SMALLER = ("Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K")
"""Types to try, from the largest: those that the usual files are named after."""

KEPT_ELEMENTS = 1 << 20
"""Norms, biases and routers stay as they are."""


def smaller(header: Header, types: TensorTypes) -> Iterator[tuple[str, Header]]:
    """(type, header) for each type in SMALLER that makes the model smaller.

    Every matrix with more bits per weight than the type gets the type; where its rows don't fit
    the type's blocks it stays. Real files mix types, so the size is near that of the usual file
    of this name, not equal to it.
    """
    numbers = {each.name: number for number, each in types.items()}
    for name in SMALLER:
        shrunk = tuple(_shrunk(tensor, numbers[name], types) for tensor in header.tensors)
        saved = sum(tensor.nbytes for tensor in header.tensors) - sum(tensor.nbytes for tensor in shrunk)
        if saved > 0:
            yield name, replace(header, tensors=shrunk, file_bytes=header.file_bytes - saved)


def _shrunk(tensor: Tensor, number: int, types: TensorTypes) -> Tensor:
    kind = types[number]
    if len(tensor.shape) < 2 or tensor.elements < KEPT_ELEMENTS or tensor.shape[0] % kind.block:
        return tensor
    nbytes = tensor.elements // kind.block * kind.nbytes
    return Tensor(tensor.name, tensor.shape, number, nbytes) if nbytes < tensor.nbytes else tensor
