"""A network that is 32-bit integer arithmetic, the same bit for bit in any language.

A row depends on every token of its sequence, so a token that differs anywhere changes every row
from there on. The TypeScript twin is `test/sampler/support/hashNetwork.ts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UInt32s = NDArray[np.uint32]

# Column of the mask: its probability is exactly 0 in float32 and float64, and guidance, which
# subtracts logits, makes no NaN of it.
MASK_LOGIT = -1024.0


@dataclass
class HashNetwork:
    """The network answers any tokens with logits, and keeps what it was asked.

    Called as a Hugging Face model is: `network(tokens).logits`. It takes and ignores attention
    masks, positions and caches.
    """

    vocab_size: int
    mask_id: int
    sharpness: float = 1.0  # a power of two: the logits lie in [-4 sharpness, 4 sharpness)
    asked: list[Tensor] = field(default_factory=list)  # the tokens [B, L] of each call
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __call__(self, tokens: Tensor, *_: object, **__: object) -> SimpleNamespace:
        """Answers tokens [B, L] with float32 logits [B, L, V]."""
        self.asked.append(tokens.clone())
        return SimpleNamespace(logits=self.logits(tokens))

    def logits(self, tokens: Tensor) -> Tensor:
        """Computes float32 logits [B, L, V] of tokens [B, L]; the call is not kept."""
        rows = hash_logits(tokens.numpy(), self.vocab_size) * np.float32(self.sharpness)
        rows[:, :, self.mask_id] = MASK_LOGIT
        return torch.from_numpy(rows)


def hash_logits(tokens: NDArray[np.int64], vocab_size: int) -> NDArray[np.float32]:
    """Hashes tokens [B, L] to logits [B, L, V]: multiples of 2^-17 in [-4, 4), exact in float32.

    The sequence is hashed by FNV-1a, a word a token; each column is that hash with the position and
    the column mixed in, through the finalizer `lowbias32`.
    """
    batch, length = tokens.shape
    key = np.full(batch, 2166136261, dtype=np.uint32)
    for position in range(length):
        key = (key ^ tokens[:, position].astype(np.uint32)) * np.uint32(16777619)
    positions = np.arange(length, dtype=np.uint32) * np.uint32(0x9E3779B1)
    columns = np.arange(vocab_size, dtype=np.uint32) * np.uint32(0x85EBCA6B)
    mixed = _finalized(key[:, None, None] ^ positions[None, :, None] ^ columns[None, None, :])
    steps = (mixed >> np.uint32(12)).astype(np.float32)
    logits: NDArray[np.float32] = (steps - np.float32(2**19)) / np.float32(2**17)
    return logits


def _finalized(z: UInt32s) -> UInt32s:
    """Mixes the bits of each word; products are modulo 2^32."""
    z = (z ^ (z >> np.uint32(16))) * np.uint32(0x7FEB352D)
    z = (z ^ (z >> np.uint32(15))) * np.uint32(0x846CA68B)
    mixed: UInt32s = z ^ (z >> np.uint32(16))
    return mixed
