"""What is tuned: a model on a machine, the settings it starts from, and what may change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_letters

from launcher.core.header import Header
from launcher.core.machine import Machine
from launcher.core.options import BY_KEY, PREFIX, arguments
from launcher.core.settings import Settings
from launcher.core.settings_reader import read_settings


@dataclass(frozen=True, kw_only=True)
class Task:
    """environment and command: as the server would get them. margins: bytes to keep free, one per
    GPU. cache_types: types that the KV cache may have instead of the profile's. unseen: bytes on each
    GPU that are not free on `machine`, but to the engine: what other models are going to take."""

    header: Header
    machine: Machine
    environment: Mapping[str, str]
    command: tuple[str, ...]
    margins: tuple[int, ...]
    cache_types: tuple[str, ...] = ()
    unseen: tuple[int, ...] = ()

    @cached_property
    def settings(self) -> Settings:
        """What the settings to start from mean."""
        return read_settings(self.environment, self.command)

    @cached_property
    def layers(self) -> int:
        """Layers of the model as the loader counts them: with MTP blocks and the output layer."""
        count = self.header.metadata.get(f"{self.header.architecture}.block_count")
        return (count if isinstance(count, int) else 0) + 1

    @cached_property
    def experts(self) -> frozenset[int]:
        """Layers that have expert tensors, MTP blocks left out: they are not loaded."""
        return frozenset(layer for layer, (_, experts) in self._bytes.items() if experts)

    @cached_property
    def output_bytes(self) -> int:
        """Bytes of the output layer; 0 where it is the token embedding."""
        return sum(tensor.nbytes for tensor in self.header.tensors if tensor.name == "output.weight")

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Keys that stand on the command line, where a key of models.conf can't change them."""
        given = (argument.option for argument in arguments(self.command))
        return frozenset(option.key for option in given if option and option.key)

    def index(self, device: str) -> int:
        """Number of the GPU that the engine calls ``CUDA1``, say."""
        return int(device.lstrip(ascii_letters))

    def margin(self, device: str) -> int:
        """Bytes to keep free on it."""
        return self.margins[self.index(device)]

    def rest_bytes(self, layer: int) -> int:
        """Bytes of a layer's weights without its experts."""
        whole, experts = self._bytes.get(layer, (0, 0))
        return whole - experts

    def layer_bytes(self, layers: Sequence[int]) -> int:
        """Mean bytes of weights of these layers; 0 when there are none."""
        return _mean([self._bytes.get(layer, (0, 0))[0] for layer in layers])

    def expert_bytes(self, layers: Sequence[int]) -> int:
        """Mean bytes of the experts of these layers; 0 when there are none."""
        return _mean([self._bytes.get(layer, (0, 0))[1] for layer in layers])

    @cached_property
    def _bytes(self) -> Mapping[int, tuple[int, int]]:
        """Bytes of each layer that is loaded, and of its experts."""
        sums: dict[int, tuple[int, int]] = {}
        predicting = self.header.metadata.get(f"{self.header.architecture}.nextn_predict_layers")
        loaded = self.layers - 1 - (predicting if isinstance(predicting, int) else 0)
        for tensor in self.header.tensors:
            kind, _, rest = tensor.name.partition(".")
            number = rest.partition(".")[0]
            if kind == "blk" and number.isdigit() and int(number) < loaded:
                whole, experts = sums.get(int(number), (0, 0))
                part = tensor.nbytes if "_exps" in tensor.name else 0
                sums[int(number)] = whole + tensor.nbytes, experts + part
        return sums

    def may_set(self, *keys: str) -> bool:
        """Whether all these keys can be changed."""
        assert all(key in BY_KEY for key in keys)
        return self.fixed.isdisjoint(keys)

    def with_changes(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """The environment with some keys set, or removed (None)."""
        names = {PREFIX + key: value for key, value in changes.items()}
        kept = {name: value for name, value in self.environment.items() if name not in names}
        return kept | {name: value for name, value in names.items() if value is not None}


def _mean(amounts: Sequence[int]) -> int:
    return sum(amounts) // len(amounts) if amounts else 0
