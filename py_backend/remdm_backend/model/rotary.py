"""This module turns queries and keys by angles that grow with the position."""

from __future__ import annotations

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


def inverse_frequencies(head_dim: int) -> Tensor:
    """The ``[head_dim / 2]`` rotary frequencies, base 10,000.

    Real numbers also where the network is laid out on the ``meta`` device, whose power operator
    imports all of ``torch._dynamo``: two seconds, and a directory left in the temporary folder.
    """
    even = torch.arange(0, head_dim, 2, device="cpu").float()
    return 1.0 / (10_000 ** (even / head_dim))
