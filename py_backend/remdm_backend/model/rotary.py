"""This module turns queries and keys by angles that grow with the position."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Angles = tuple[Tensor, Tensor]
"""cos and sin of the rotary angles, each ``[L, 1, 1, D/2]``."""


class Rotary(nn.Module):
    """Rotary position embedding in halves (GPT-NeoX order), on queries and keys only."""

    inv_freq: Tensor

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", inverse_frequencies(head_dim))

    def forward(self, length: int, begin: int = 0) -> Angles:
        """Of ``length`` positions from ``begin`` on."""
        positions = torch.arange(
            begin, begin + length, dtype=torch.float32, device=self.inv_freq.device
        )
        angles = torch.outer(positions, self.inv_freq)[:, None, None, :]
        return angles.cos(), angles.sin()


def rotate(part: Tensor, angles: Angles) -> None:
    """Turn queries or keys in place: ``part [B, L, n, H, D]``, a view of queries, keys and values
    perhaps; or ``[T, n, H, D]`` by ``angles`` of each token.

    The angles are rounded to its type, as the original's are; the products are float32, as in
    flash-attention's kernel.
    """
    cos, sin = (angle.to(part.dtype).float() for angle in angles)
    half = part.shape[-1] // 2
    first, second = part[..., :half].float(), part[..., half:].float()
    turned = torch.addcmul(first * cos, second, sin, value=-1)
    part[..., half:] = torch.addcmul(second * cos, first, sin)
    part[..., :half] = turned


def turned(part: Tensor, angles: Angles) -> Tensor:
    """Return queries or keys ``[..., H, D]``, turned in float32 by float32 angles ``[..., 1, D/2]``
    of each token, in the type that they came in."""
    cos, sin = angles
    first, second = part.float().chunk(2, dim=-1)
    both = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return both.to(part.dtype)


@dataclass(frozen=True)
class Llama3Scaling:
    """Llama 3.1's stretching of the slow rotary frequencies; all values are above 0.

    A frequency with at most ``low_freq_factor`` turns within ``original_length`` positions is
    divided by ``factor``, one with at least ``high_freq_factor`` turns stays, and what lies between
    is interpolated. Source: ``_compute_llama3_parameters`` of transformers.
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_length: int

    def scaled(self, frequencies: Tensor) -> Tensor:
        turns = self.original_length * frequencies / (2 * math.pi)
        low, high = self.low_freq_factor, self.high_freq_factor
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        return frequencies * ((1 - kept) / self.factor + kept)


@dataclass(frozen=True)
class Rope:
    """The rotary settings of a config: ``theta`` is the base of the frequencies, ``factor`` divides
    all of them (linear scaling), and ``llama3`` some."""

    theta: float = 10_000.0
    factor: float = 1.0
    llama3: Llama3Scaling | None = None

    def frequencies(self, head_dim: int) -> Tensor:
        """Return ``[head_dim / 2]`` float32, in main memory."""
        plain = inverse_frequencies(head_dim, self.theta) / self.factor
        return plain if self.llama3 is None else self.llama3.scaled(plain)


def inverse_frequencies(head_dim: int, base: float = 10_000) -> Tensor:
    """The ``[head_dim / 2]`` rotary frequencies of a base, by default 10,000.

    Real numbers also where the network is laid out on the ``meta`` device, whose power operator
    imports all of ``torch._dynamo``: two seconds, and a directory left in the temporary folder.
    """
    even = torch.arange(0, head_dim, 2, device="cpu").float()
    return 1.0 / (base ** (even / head_dim))
