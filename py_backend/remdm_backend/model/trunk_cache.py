"""This module keeps what a network computed last under one name, for later calls about the same.

The content decides and never the name: an entry that is about other tokens is computed afresh and
replaced. So the backend still keeps no state of a sampler: when an entry is lost, that costs time
and changes no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from remdm_backend.model.backbone import KeysAndValues, States
from remdm_backend.model.block_prefixes import BlockPrefixes, Prefix
from remdm_backend.model.block_prefixes import Tokens as Text


class TrunkCache:
    """``tokens [B, L]`` and ``sigma [B]`` of the last call, with what the trunk made of them; and
    of a network that is causal over blocks, what is known of texts, of several calls.

    ``budget``: bytes that what is known of texts may take.
    """

    def __init__(self, budget: float = math.inf) -> None:
        self._budget = budget
        self._texts = BlockPrefixes()
        self._tokens: Tensor | None = None
        self._sigma: Tensor | None = None
        self._states: States = ()
        self._prefix: KeysAndValues | None = None

    @property
    def nbytes(self) -> int:
        """Memory that it holds on the network's device, in bytes."""
        prefix = self._prefix.nbytes if self._prefix is not None else 0
        return prefix + self._texts.nbytes + sum(part.nbytes for part in self._states)

    def clear(self) -> None:
        """Forget the last call."""
        self._tokens = self._sigma = self._prefix = None
        self._states = ()

    def states(self, tokens: Tensor, sigma: Tensor) -> States | None:
        """Return what the trunk made of exactly these, or ``None``."""
        if self._tokens is None or self._sigma is None:
            return None
        same = torch.equal(self._tokens, tokens) and torch.equal(self._sigma, sigma)
        return self._states if same else None

    def keep(self, tokens: Tensor, sigma: Tensor, states: States) -> None:
        self._tokens, self._sigma, self._states = tokens.clone(), sigma.clone(), states

    def prefix(self, tokens: Tensor) -> tuple[int, KeysAndValues | None]:
        """Return how many first tokens of all sequences are known, and their keys and values.

        A smaller batch is known too, when it is what goes on of the known one: texts end one by
        one.
        """
        if self._tokens is None or self._prefix is None:
            return 0, None
        length = min(self._tokens.shape[1], tokens.shape[1])
        if len(tokens) < len(self._tokens):
            among = _places(tokens[:, :length], self._tokens[:, :length])
            if among is None:
                return 0, None
            self._tokens = self._tokens[among]
            self._prefix.select(among)
        if len(tokens) != len(self._tokens):
            return 0, None
        same = (self._tokens[:, :length] == tokens[:, :length]).all(dim=0)
        known = int(same.long().cumprod(dim=0).sum())
        return known, self._prefix

    def keep_prefix(self, tokens: Tensor, known: KeysAndValues) -> None:
        self._tokens, self._prefix = tokens.clone(), known

    def take_prefixes(self, texts: Sequence[Text]) -> list[Prefix | None]:
        """Take out what is known of each text; the last call is forgotten."""
        self.clear()
        return self._texts.take(texts)

    def keep_prefixes(self, prefixes: Sequence[Prefix]) -> None:
        """Keep what is known of the texts of a call."""
        self._texts.keep(prefixes, self._budget)


def _places(tokens: Tensor, known: Tensor) -> Tensor | None:
    """Where in ``known [K, l]`` each of ``tokens [B, l]`` stands, in their order; ``None`` when one
    is not there.
    """
    same = (tokens[:, None] == known[None]).all(dim=2).tolist()
    places: list[int] = []
    for row in same:
        begin = places[-1] + 1 if places else 0
        place = next((i for i in range(begin, len(row)) if row[i]), None)
        if place is None:
            return None
        places.append(place)
    return torch.tensor(places, device=known.device)
