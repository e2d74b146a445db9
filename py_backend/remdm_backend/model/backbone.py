"""A network is a trunk over all positions and a head on single rows, as ``Network`` sees it.

The head (hidden x vocabulary) costs as much as several blocks at published size, so it is computed
for the rows that somebody asked for and no others, and again for other rows of the same trunk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from remdm_backend.model.packing import Tokens

States = tuple[Tensor, ...]
"""What a trunk leaves to the head."""


class Backbone(nn.Module, ABC):
    """A bidirectional network: every position sees all others of its sequence."""

    mixes_lengths: ClassVar[bool] = False
    """Whether its trunk takes sequences of different lengths together, packed."""

    @abstractmethod
    def trunk(self, tokens: Tokens, sigma: Tensor) -> States:
        """``tokens`` int64; ``sigma [B]`` float32, the total noise, or ``[1]`` for all."""

    @abstractmethod
    def head(self, states: States, rows: Tensor) -> Tensor:
        """Raw logits ``[N, V]`` of ``rows [N]``, flat indices into the trunk's tokens."""


class CausalBackbone(nn.Module, ABC):
    """An autoregressive network: what it computed for a prefix stays true when tokens follow."""

    @abstractmethod
    def keys_and_values(self, batch: int, length: int, like: Tensor) -> KeysAndValues:
        """Room for ``length`` positions of ``batch`` sequences, nothing in it; type and device are
        ``like``'s."""

    @abstractmethod
    def extend(self, tokens: Tensor, begin: int, known: KeysAndValues) -> Tensor:
        """Hidden states ``[B, l, H]`` of ``tokens [B, l]``, which stand at ``begin`` and follow
        what ``known`` holds; theirs are added."""

    @abstractmethod
    def head(self, hidden: Tensor) -> Tensor:
        """Raw logits ``[N, V]`` of ``hidden [N, H]``."""


class KeysAndValues:
    """Keys and values of every block for the first positions of a batch: the KV cache."""

    def __init__(self, blocks: int, shape: tuple[int, int, int, int], like: Tensor) -> None:
        """``shape``: batch, heads, positions that there is room for, dimensions of a head."""
        batch, heads, length, width = shape
        self.blocks = [like.new_empty(2, batch, heads, length, width) for _ in range(blocks)]

    @property
    def room(self) -> int:
        """Positions that fit."""
        return int(self.blocks[0].shape[3])

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self.blocks)

    def grow(self, room: int, used: int) -> None:
        """Make room for more positions; the first ``used`` are kept."""
        for index, block in enumerate(self.blocks):
            larger = block.new_empty(*block.shape[:3], room, block.shape[4])
            larger[:, :, :, :used] = block[:, :, :, :used]
            self.blocks[index] = larger

    def select(self, sequences: Tensor) -> None:
        """Keep these sequences of the batch alone, ``[B]`` indices."""
        for index, block in enumerate(self.blocks):
            self.blocks[index] = block[:, sequences]

    def add(self, block: int, begin: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write ``[B, heads, l, D]`` at ``begin``; returns all from the first position on."""
        stored = self.blocks[block]
        end = begin + keys.shape[2]
        stored[0, :, :, begin:end] = keys
        stored[1, :, :, begin:end] = values
        return stored[0, :, :, :end], stored[1, :, :, :end]
