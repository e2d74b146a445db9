"""This module keeps the keys and values of texts that are causal over blocks, by their content.

A block of such a text sees itself and the blocks left of it, so what was computed of whole blocks
stays true whatever follows (BD3-LM, section 3.2). What a block sees is bounded
(``Blocks.context``), and so is what is kept of a text: older blocks go, as in the sliding window of
the original's cache.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Blocks:
    """Blocks of ``size`` tokens; each sees ``context`` tokens at most, a multiple of ``size``:
    itself and what stands left of it."""

    size: int
    context: int

    @property
    def chunk(self) -> int:
        """Tokens of a text that are computed at a time, whole blocks."""
        return max(1, self.context // 4 // self.size) * self.size

    @property
    def room(self) -> int:
        """Positions of a text that there is ever room for."""
        return self.context - self.size + self.chunk

    def first_seen(self, begin: int) -> int:
        """The first position that the block at ``begin`` sees."""
        return max(0, begin + self.size - self.context)

    def mask(self, begin: int, end: int, device: torch.device) -> Tensor | None:
        """Which of the positions from ``first_seen(begin)`` to ``end`` those from ``begin`` to
        ``end`` see, ``[l, n]``; ``None`` if they see all, as a single block does."""
        if end - begin <= self.size:
            return None
        seen = torch.arange(self.first_seen(begin), end, device=device) // self.size
        sees = torch.arange(begin, end, device=device)[:, None] // self.size
        return (seen <= sees) & (seen > sees - self.context // self.size)


class Prefix:
    """Keys and values of one text's last blocks, and the tokens of all of them from its beginning.

    It is empty at first. ``layers`` and ``shape`` (heads, dimensions of a head) are the network's,
    type and device are ``like``'s.
    """

    def __init__(self, blocks: Blocks, layers: int, shape: tuple[int, int], like: Tensor) -> None:
        self._blocks = blocks
        self._begin = 0
        heads, width = shape
        self._layers = [like.new_empty(2, heads, 0, width) for _ in range(layers)]
        self.tokens: Tokens = np.empty(0, dtype=np.int64)

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self._layers)

    def known(self, text: Tokens) -> int:
        """Return how many first tokens of ``text`` are known: those of whole equal blocks."""
        length = min(len(text), len(self.tokens))
        same = text[:length] == self.tokens[:length]
        equal = length if same.all() else int(same.argmin())
        return equal // self._blocks.size * self._blocks.size

    def reaches(self, begin: int) -> bool:
        """Whether all that the block at ``begin`` sees of known tokens is still there."""
        return self._begin <= self._blocks.first_seen(begin)

    def cut(self, begin: int) -> None:
        """Forget the tokens from ``begin`` on; from 0, where older blocks than are there are
        needed."""
        if begin == 0:
            self._begin = 0
        self.tokens = self.tokens[:begin]

    def copy(self, known: int) -> Prefix | None:
        """Copy what is known of the first ``known`` tokens, whole blocks, for another text that
        begins with them; ``None`` where too few of them are there."""
        if not self.reaches(known):
            return None
        copied = copy.copy(self)
        copied._layers = [layer[:, :, : known - self._begin].clone() for layer in self._layers]
        copied.tokens = self.tokens[:known]
        return copied

    def extend(self, text: Tokens) -> None:
        """Make room for ``text``, whole blocks that follow the known ones; ``add`` then fills
        it."""
        begin = len(self.tokens)
        end = begin + len(text)
        room = self._layers[0].shape[2]
        if end - self._begin > room:
            fits = end - self._begin <= self._blocks.room
            self._move(self._begin if fits else self._blocks.first_seen(begin), end)
        self.tokens = np.concatenate((self.tokens, text))

    def _move(self, first: int, end: int) -> None:
        """Keep the known positions from ``first`` on, and make room up to ``end``."""
        room = self._layers[0].shape[2]
        wanted = max(room, end - first, min(2 * room, self._blocks.room))
        kept = slice(first - self._begin, len(self.tokens) - self._begin)
        for index, layer in enumerate(self._layers):
            heads, width = layer.shape[1], layer.shape[3]
            moved = layer.new_empty(2, heads, wanted, width)
            moved[:, :, : kept.stop - kept.start] = layer[:, :, kept]
            self._layers[index] = moved
        self._begin = first

    def add(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values ``[heads, l, D]`` of the last l tokens; return those that the first
        block of them sees and all that follow."""
        end = len(self.tokens) - self._begin
        begin = end - keys.shape[1]
        stored = self._layers[layer]
        stored[0, :, begin:end] = keys
        stored[1, :, begin:end] = values
        first = self._blocks.first_seen(begin + self._begin) - self._begin
        return stored[0, :, first:end], stored[1, :, first:end]


class BlockPrefixes:
    """The prefixes that calls of one name left behind, most useful first."""

    def __init__(self) -> None:
        self._prefixes: list[Prefix] = []

    @property
    def nbytes(self) -> int:
        return sum(prefix.nbytes for prefix in self._prefixes)

    def take(self, texts: Sequence[Tokens]) -> list[Prefix | None]:
        """Take out for each text the prefix that knows most of it, each for one text; a copy for a
        text that begins as another one does; ``None`` for one of which nothing is known."""
        lengths = [[prefix.known(text) for prefix in self._prefixes] for text in texts]
        pairs = [
            (-known, text, place)
            for text, row in enumerate(lengths)
            for place, known in enumerate(row)
            if known > 0
        ]
        found: list[Prefix | None] = [None] * len(texts)
        taken: set[int] = set()
        pairs.sort()
        for _, text, place in pairs:
            if found[text] is None and place not in taken:
                found[text] = self._prefixes[place]
                taken.add(place)
        for known, text, place in pairs:
            found[text] = found[text] or self._prefixes[place].copy(-known)
        self._prefixes = [
            prefix for place, prefix in enumerate(self._prefixes) if place not in taken
        ]
        return found

    def keep(self, prefixes: Sequence[Prefix], budget: float) -> None:
        """Put back what was taken, grown, before what is there; no more than twice as many, and no
        more than ``budget`` bytes."""
        kept: list[Prefix] = []
        for prefix in [*prefixes, *self._prefixes][: 2 * len(prefixes)]:
            budget -= prefix.nbytes
            if budget < 0:
                break
            kept.append(prefix)
        self._prefixes = kept
