"""The diffusion transformer of MDLM, SEDD, D3PM and ReMDM: DiT (Peebles & Xie 2023) over tokens.

Bidirectional blocks with rotary positions; the noise level enters through adaLN: it sets a shift, a
scale and a gate around every attention and MLP. Module names and the order of parameters are the
original's (``models/dit.py``), because its checkpoints name and list them so. There is no dropout:
the original's is off whenever it samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from remdm_backend.model.attention import Attention, sdpa
from remdm_backend.model.backbone import Backbone, States

Angles = tuple[Tensor, Tensor]
"""cos and sin of the rotary angles, each ``[L, 1, 1, D/2]``."""

FREQUENCIES = 256
"""Width of the sinusoidal embedding of sigma."""


@dataclass(frozen=True)
class Shape:
    """What fixes the architecture; ``vocab_size`` includes the mask."""

    vocab_size: int
    hidden_size: int
    n_blocks: int
    n_heads: int
    cond_dim: int


class LayerNorm(nn.Module):
    """Layer normalization without a bias, always in float32 whatever the autocast mode."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.float(), self.weight.shape) * self.weight


class TimestepEmbedder(nn.Module):
    """sigma ``[B]`` -> ``[B, cond_dim]``: sinusoids, then a small MLP."""

    def __init__(self, cond_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(FREQUENCIES, cond_dim), nn.SiLU(), nn.Linear(cond_dim, cond_dim)
        )

    def forward(self, sigma: Tensor) -> Tensor:
        half = FREQUENCIES // 2
        exponents = torch.arange(half, dtype=torch.float32, device=sigma.device) / half
        angles = sigma.float()[:, None] * torch.exp(-math.log(10_000) * exponents)
        embedded: Tensor = self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))
        return embedded


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


def rotate(qkv: Tensor, angles: Angles) -> Tensor:
    """Turn q and k of ``qkv [B, L, 3, H, D]``, not v.

    The angles are rounded to the type of ``qkv``, as the original's are; the products are float32,
    as in flash-attention's kernel.
    """
    cos, sin = (part.to(qkv.dtype).float() for part in angles)
    first, second = qkv[:, :, :2].float().chunk(2, dim=-1)
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return torch.cat([turned.to(qkv.dtype), qkv[:, :, 2:]], dim=2)


def inverse_frequencies(head_dim: int) -> Tensor:
    """The ``[head_dim / 2]`` rotary frequencies, base 10,000.

    Real numbers also where the network is laid out on the ``meta`` device, whose power operator
    imports all of ``torch._dynamo``: two seconds, and a directory left in the temporary folder.
    """
    even = torch.arange(0, head_dim, 2, device="cpu").float()
    return 1.0 / (10_000 ** (even / head_dim))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale.float()) + shift


class Block(nn.Module):
    """Attention and MLP, each normalised, modulated and gated by the noise level."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape.hidden_size
        self.n_heads = shape.n_heads
        self.norm1 = LayerNorm(dim)
        self.attn_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.attn_out = nn.Linear(dim, dim, bias=False)
        self.norm2 = LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(approximate="tanh"), nn.Linear(4 * dim, dim)
        )
        self.adaLN_modulation = zeroed(nn.Linear(shape.cond_dim, 6 * dim))

    def forward(self, x: Tensor, c: Tensor, angles: Angles, attend: Attention) -> Tensor:
        modulation: Tensor = self.adaLN_modulation(c)[:, None]
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=-1)
        qkv: Tensor = self.attn_qkv(modulate(self.norm1(x), shift1, scale1))
        qkv = rotate(qkv.view(*x.shape[:2], 3, self.n_heads, -1), angles)
        x = torch.addcmul(x, gate1, self.attn_out(attend(qkv)))
        return torch.addcmul(x, gate2, self.mlp(modulate(self.norm2(x), shift2, scale2)))


class Embedding(nn.Module):
    """A plain table of vectors, one a token."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        bound = 1 / math.sqrt(shape.hidden_size)
        table = torch.empty(shape.vocab_size, shape.hidden_size)
        self.embedding = nn.Parameter(nn.init.uniform_(table, -bound, bound))

    def forward(self, tokens: Tensor) -> Tensor:
        return F.embedding(tokens, self.embedding)


class Head(nn.Module):
    """Final norm and projection to the vocabulary, on single rows."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm_final = LayerNorm(shape.hidden_size)
        self.linear = zeroed(nn.Linear(shape.hidden_size, shape.vocab_size))
        self.adaLN_modulation = zeroed(nn.Linear(shape.cond_dim, 2 * shape.hidden_size))

    def forward(self, x: Tensor, c: Tensor, sample: Tensor) -> Tensor:
        """``x [N, hidden]``, ``c [B, cond]``, ``sample [N]``: which sample each row is of."""
        shift, scale = self.adaLN_modulation(c)[sample].chunk(2, dim=-1)
        logits: Tensor = self.linear(modulate(self.norm_final(x), shift, scale))
        return logits


class DiT(Backbone):
    """The network: ``tokens [B, L]``, ``sigma [B]``, ``rows [N]`` -> raw logits ``[N, vocab]``.

    ``rows`` are flat indices ``b * L + l``. Every position goes through the blocks; only the rows
    asked for go through the head, whose cost per row (hidden x vocab) is several blocks' at
    published size.
    """

    def __init__(self, shape: Shape, attend: Attention = sdpa) -> None:
        super().__init__()
        self.attend = attend
        self.vocab_embed = Embedding(shape)
        self.sigma_map = TimestepEmbedder(shape.cond_dim)
        self.rotary_emb = Rotary(shape.hidden_size // shape.n_heads)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_blocks))
        self.output_layer = Head(shape)

    def forward(self, tokens: Tensor, sigma: Tensor, rows: Tensor) -> Tensor:
        return self.head(self.trunk(tokens, sigma), rows)

    def trunk(self, tokens: Tensor, sigma: Tensor) -> States:
        """Hidden states ``[B, L, hidden]`` and the noise level's embedding ``[B, cond]``."""
        x: Tensor = self.vocab_embed(tokens)
        with torch.autocast(tokens.device.type, enabled=False):
            c = F.silu(self.sigma_map(sigma))
        angles = self.rotary_emb(tokens.shape[1])
        for block in self.blocks:
            x = block(x, c, angles, self.attend)
        return x, c

    def head(self, states: States, rows: Tensor) -> Tensor:
        x, c = states
        sample = torch.div(rows, x.shape[1], rounding_mode="floor")
        logits: Tensor = self.output_layer(x.flatten(0, 1)[rows], c, sample)
        return logits


def zeroed(linear: nn.Linear) -> nn.Linear:
    """Start at zero (adaLN-zero): a new network is the identity up to its head."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
