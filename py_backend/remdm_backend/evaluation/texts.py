"""Texts of different lengths in batches: sorted by length, padded on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TOKENS_AT_ONCE = 8192
"""Padded tokens in one forward, unless a single text has more."""


def batches(texts: Sequence[NDArray[np.int64]]) -> Iterator[tuple[list[int], Tensor]]:
    """Indices of some of ``texts``, none empty, and their tokens ``[B, L]``, padded with zeros."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    begin = 0
    for end in range(1, len(order) + 1):
        # The next text would be the longest of the batch.
        full = end < len(order) and (end + 1 - begin) * len(texts[order[end]]) > TOKENS_AT_ONCE
        if full or end == len(order):
            chosen = order[begin:end]
            yield chosen, _padded([texts[index] for index in chosen])
            begin = end


def _padded(texts: Sequence[NDArray[np.int64]]) -> Tensor:
    tokens = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = torch.from_numpy(text)
    return tokens
