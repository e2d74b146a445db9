"""This module puts texts of different lengths into batches: by length, padded on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remdm_backend.errors import BackendError
from remdm_backend.judging.judge import Judge

T = TypeVar("T")

TOKENS_AT_ONCE = 8192
"""Padded tokens in one forward, unless a single text has more."""


def in_batches(
    judge: Judge, texts: Sequence[NDArray[np.int64]], compute: Callable[[Tensor], T]
) -> Iterator[tuple[list[int], T]]:
    """Yield the indices of some of ``texts`` and what ``compute`` makes of their tokens.

    No text is empty. The tokens are ``[B, L]`` on the judge's device, padded with zeros. A batch
    that does not fit the memory is halved until it does. Raises ``BackendError`` ``out_of_memory``
    for a single text that does not fit.
    """
    waiting = batches([len(text) for text in texts])
    while waiting:
        chosen = waiting.pop()
        tokens = _padded([texts[index] for index in chosen])
        try:
            with judge.at_work(*tokens.shape):
                result = compute(tokens.to(judge.device))
        except BackendError as error:
            if error.code != "out_of_memory" or len(chosen) == 1:
                raise
        else:
            yield chosen, result
            continue
        # Outside the handler: the exception is gone, and with it the tensors of its frames.
        half = len(chosen) // 2
        waiting += [chosen[:half], chosen[half:]]


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Put indices into batches of at most ``TOKENS_AT_ONCE`` padded tokens, short texts first."""
    chosen: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        # It would be the longest of the batch.
        if chosen and (len(chosen[-1]) + 1) * lengths[index] <= TOKENS_AT_ONCE:
            chosen[-1].append(index)
        else:
            chosen.append([index])
    return chosen


def _padded(texts: Sequence[NDArray[np.int64]]) -> Tensor:
    tokens = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = torch.from_numpy(text)
    return tokens
