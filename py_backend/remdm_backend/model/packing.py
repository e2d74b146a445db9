"""This module packs sequences of different lengths into one forward, one after the other.

Nothing is padded, so nothing is computed that nobody has. Norms, linear layers and the MLP see
single tokens and need not know. Attention, rotary positions, a noise level of each sequence, and
rows do need to, and ask here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import TypeAlias

import torch
from torch import Tensor


class Packed:
    """``tokens [T]`` of sequences with these ``lengths``, in order; no sequence is empty."""

    def __init__(self, tokens: Tensor, lengths: Sequence[int]) -> None:
        self.tokens = tokens
        self.lengths = tuple(lengths)

    def to(self, device: torch.device) -> Packed:
        return Packed(self.tokens.to(device), self.lengths)

    @property
    def longest(self) -> int:
        return max(self.lengths)

    @cached_property
    def ends(self) -> Tensor:
        """``[B + 1]`` int32: how many tokens stand before each sequence, and in all."""
        ends = torch.tensor((0, *self.lengths)).cumsum(0, dtype=torch.int32)
        return ends.to(self.tokens.device)

    @cached_property
    def sequence(self) -> Tensor:
        """``[T]`` int64: which sequence each token is of."""
        every = torch.arange(len(self.lengths)).repeat_interleave(torch.tensor(self.lengths))
        return every.to(self.tokens.device)

    @cached_property
    def position(self) -> Tensor:
        """``[T]`` int64: where each token stands in its sequence."""
        every = torch.cat([torch.arange(length) for length in self.lengths])
        return every.to(self.tokens.device)

    def neighbours(self, values: Tensor) -> Iterator[Tensor]:
        """Views ``[b, l, ...]`` of ``values [T, ...]``, each of equally long neighbours."""
        start = 0
        for length, equals in groupby(self.lengths):
            count = len(list(equals))
            end = start + count * length
            yield values[start:end].view(count, length, *values.shape[1:])
            start = end


Tokens: TypeAlias = Tensor | Packed
"""``[B, L]`` of equally long sequences, or packed. A row is a flat index into either."""


def flat(tokens: Tokens) -> Tensor:
    """Return all tokens, ``[T]``."""
    return tokens.tokens if isinstance(tokens, Packed) else tokens.flatten()


def sequence_of(tokens: Tokens, rows: Tensor) -> Tensor:
    """Return for each of ``rows`` which sequence it is of."""
    if isinstance(tokens, Packed):
        return tokens.sequence[rows]
    return torch.div(rows, tokens.shape[1], rounding_mode="floor")
