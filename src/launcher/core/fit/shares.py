"""How many layers each device gets, and which keep parts elsewhere (``common/fit.cpp``, build 11160)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from launcher.core.memory.layout import HOST, Exceptions, Layout, homes
from launcher.core.model import Layer, Model


class Fraction(Enum):
    """What of a partial layer goes elsewhere: the pattern of its override, and its tensors."""

    ATTN = (r"ffn_(gate|up|gate_up|down).*", ("ffn_gate", "ffn_up", "ffn_down"))
    UP = (r"ffn_(gate|gate_up|down).*", ("ffn_gate", "ffn_down"))
    GATE = (r"ffn_down.*", ("ffn_down",))
    MOE = (
        r"ffn_(up|down|gate_up|gate)_(ch|)exps",
        tuple(f"ffn_{part}_{kind}exps" for part in ("up", "down", "gate_up", "gate") for kind in ("", "ch")),
    )

    def moves(self, name: str) -> bool:
        """Does the tensor of that name within its block go elsewhere."""
        return name.startswith(self.value[1])

    def pattern(self, il: int) -> str:
        """The override's pattern for layer il."""
        return rf"blk\.{il}\.{self.value[0]}"


@dataclass(frozen=True, slots=True)
class Share:
    """Layers of one device: `layers` in all, the last `partial` of them with parts elsewhere.

    fraction: what goes elsewhere of the first partial layer; of further ones the experts do.
    target: where that of the first goes, a device or ``HOST``; of further ones to the host.
    """

    layers: int = 0
    partial: int = 0
    fraction: Fraction = Fraction.MOE
    target: int = HOST

    @property
    def full(self) -> int:
        return self.layers - self.partial

    def with_layers(self, layers: int, partial: int = 0) -> "Share":
        """This share with other numbers of layers."""
        return replace(self, layers=layers, partial=partial)


Shares = tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Layer il gives the tensors of `fraction` to `target`."""

    il: int
    fraction: Fraction
    target: int


def moves(shares: Shares, n_layers: int) -> list[Move]:
    """The overrides of these shares; `n_layers` counts the output as one."""
    found = []
    il = n_layers - sum(share.layers for share in shares)
    for share in shares:
        il += share.full
        for index in range(share.partial):
            first = index == 0
            found.append(
                Move(il + index, share.fraction if first else Fraction.MOE, share.target if first else HOST)
            )
        il += share.partial
    return found


class Layouts:
    """Turns shares into layouts; remembers which tensors a fraction moves."""

    def __init__(self, model: Model, free: Sequence[int]) -> None:
        self.model = model
        self.free = free
        self._moved: dict[tuple[int, Fraction, int], Exceptions] = {}

    def of(self, shares: Shares, n_layers: int) -> Layout:
        """The layout that the engine makes of these shares."""
        exceptions: list[Exceptions] = [()] * self.model.n_layer_all
        listed = moves(shares, n_layers)
        for move in listed:
            if move.il < self.model.n_layer_all:
                exceptions[move.il] = self._exceptions(move)
        offloaded = sum(share.layers for share in shares)
        proportions: Sequence[float] = [share.layers for share in shares]
        if len(shares) == 1 or not offloaded:
            proportions = self.free
        return Layout(
            homes=homes(self.model.n_layer_all, offloaded, proportions),
            exceptions=tuple(exceptions),
            overridden=bool(listed),
            offloaded=offloaded,
        )

    def _exceptions(self, move: Move) -> Exceptions:
        layer = self.model.layers[move.il]
        key = (layer.kind, move.fraction, move.target)
        found = self._moved.get(key)
        if found is None:
            found = self._moved[key] = moved_tensors(layer, move.fraction, move.target)
        return found


def moved_tensors(layer: Layer, fraction: Fraction, target: int) -> Exceptions:
    """The tensors of a layer that `fraction` moves."""
    return tuple((name, target) for name in layer.tensors if fraction.moves(name))
