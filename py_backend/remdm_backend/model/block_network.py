"""This module answers calls about a network that is causal over blocks (BD3-LM).

Nothing right of the last block that somebody asks about is computed. With a cache the blocks that
are known from before are not computed either: the next token of a text costs its own block, and the
block before it once more when its last token has come. The KV cache changes no number beyond the
rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remdm_backend.model.attention import AttentionName
from remdm_backend.model.backbone import States
from remdm_backend.model.block_diffusion import BlockDiffusion, Chunk
from remdm_backend.model.block_prefixes import Blocks, Prefix
from remdm_backend.model.card import ModelCard
from remdm_backend.model.network import Logits, Network
from remdm_backend.model.packing import Packed, Tokens, flat
from remdm_backend.model.trunk_cache import TrunkCache

Ints = NDArray[np.int64]


@dataclass
class Text:
    """A text of a call that rows are asked of: its number ``index`` in the call, its ``tokens`` up
    to the end of the last block that is asked about, and where the ``first`` such block begins."""

    index: int
    tokens: Ints
    first: int


class BlockNetwork(Network[BlockDiffusion]):
    """``mdlm``; ``card.block_length`` is set, and a divisor of ``card.length``."""

    def __init__(
        self,
        card: ModelCard,
        backbone: BlockDiffusion,
        *,
        device: torch.device,
        dtype: torch.dtype,
        attention: AttentionName,
    ) -> None:
        super().__init__(card, backbone, device=device, dtype=dtype, attention=attention)
        assert card.block_length is not None
        self._blocks = Blocks(card.block_length, card.length)

    @property
    def mixes_lengths(self) -> bool:
        return True

    def _read(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Logits:
        starts = _starts(tokens)
        states: States | None = None
        if cache is not None and not isinstance(tokens, Packed):
            states = cache.states(tokens, sigma)
        if states is None or not _has(states, rows):
            texts = self._texts(flat(tokens).cpu().numpy(), starts, rows.cpu().numpy())
            states = self._compute(texts, starts, cache)
            if cache is not None and not isinstance(tokens, Packed):
                cache.keep(tokens, sigma, states)
        hidden, first_rows, (_, _, shifts) = states
        return lambda asked: self._backbone.head(
            hidden[asked + shifts[_text_of(first_rows, asked)]]
        )

    def _texts(self, tokens: Ints, starts: Ints, rows: Ints) -> list[Text]:
        """The texts with rows, padded with masks to whole blocks."""
        size = self._blocks.size
        owners = np.searchsorted(starts, rows, side="right") - 1
        texts = []
        for index in np.unique(owners):
            start, stop = starts[index], starts[index + 1]
            asked = rows[owners == index] - start
            first, end = (int(row) // size * size for row in (asked.min(), asked.max() + size))
            known = tokens[start : min(start + end, stop)]
            padding = np.full(end - len(known), self.card.mask_id)
            texts.append(Text(int(index), np.concatenate((known, padding)), first))
        return texts

    def _compute(self, texts: Sequence[Text], starts: Ints, cache: TrunkCache | None) -> States:
        """The hidden states of the blocks that are asked about ``[N, H]``; ``starts``; and for each
        text the flat rows ``begin .. end`` that they are of, and what to add to such a row to find
        it, ``[3, B]``."""
        like = torch.empty(0, device=self.device, dtype=self.dtype)
        found: Sequence[Prefix | None] = [None] * len(texts)
        if cache is not None:
            found = cache.take_prefixes([text.tokens for text in texts])
        prefixes = [known or self._backbone.new_prefix(self._blocks, like) for known in found]
        for text, prefix in zip(texts, prefixes, strict=True):
            # Hidden states are not kept, so whatever is asked for is computed again.
            begin = min(prefix.known(text.tokens), text.first)
            prefix.cut(begin if prefix.reaches(begin) else 0)
        parts: list[list[Tensor]] = [[] for _ in texts]
        while chunks := self._next_chunks(texts, prefixes):
            tokens = [texts[place].tokens[chunk.begin : chunk.end] for place, chunk in chunks]
            computed = self._backbone.extend(
                torch.from_numpy(np.concatenate(tokens)).to(self.device),
                [chunk for _, chunk in chunks],
            )
            sizes = [len(part) for part in tokens]
            for (place, chunk), part in zip(chunks, torch.split(computed, sizes), strict=True):
                # A copy: the rest of a chunk that nobody asked about need not stay.
                parts[place].append(part[max(0, texts[place].first - chunk.begin) :].clone())
        if cache is not None:
            cache.keep_prefixes(prefixes)
        bounds = np.zeros((3, len(starts) - 1), dtype=np.int64)
        offset = 0
        for text in texts:
            begin, end = (starts[text.index] + place for place in (text.first, len(text.tokens)))
            bounds[:, text.index] = begin, end, offset - begin
            offset += len(text.tokens) - text.first
        hidden = torch.cat([part for own in parts for part in own])
        places = (torch.from_numpy(part).to(self.device) for part in (starts, bounds))
        return (hidden, *places)

    def _next_chunks(
        self, texts: Sequence[Text], prefixes: Sequence[Prefix]
    ) -> list[tuple[int, Chunk]]:
        """What comes next of each text that is not computed to its end, with the text's place;
        prefixes are extended by it."""
        chunks = []
        for place, (text, prefix) in enumerate(zip(texts, prefixes, strict=True)):
            begin = len(prefix.tokens)
            end = min(begin + self._blocks.chunk, len(text.tokens))
            if begin < end:
                prefix.extend(text.tokens[begin:end])
                mask = self._blocks.mask(begin, end, self.device)
                chunks.append((place, Chunk(prefix, begin, end, mask)))
        return chunks


def _starts(tokens: Tokens) -> Ints:
    """``[B + 1]``: how many tokens stand before each text, and in all."""
    if isinstance(tokens, Packed):
        return np.cumsum((0, *tokens.lengths))
    batch, length = tokens.shape
    return np.arange(batch + 1) * length


def _text_of(starts: Tensor, rows: Tensor) -> Tensor:
    return torch.searchsorted(starts, rows, right=True) - 1


def _has(states: States, rows: Tensor) -> bool:
    """Whether all ``rows`` are of blocks that were computed."""
    _, starts, (begins, ends, _) = states
    text = _text_of(starts, rows)
    return bool(((begins[text] <= rows) & (rows < ends[text])).all())
