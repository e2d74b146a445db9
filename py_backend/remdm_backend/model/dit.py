"""This network is the diffusion transformer of MDLM, SEDD, D3PM and ReMDM: DiT over tokens.

DiT is Peebles & Xie 2023. Bidirectional blocks have rotary positions; the noise level enters
through adaLN: it sets a shift, a scale and a gate around every attention and MLP. Module names and
the order of parameters are the original's (``models/dit.py``), because its checkpoints name and
list them so. There is no dropout: the original's is off whenever it samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from remdm_backend.model.attention import Attention, sdpa
from remdm_backend.model.backbone import Backbone, States
from remdm_backend.model.linear import Linear
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.rotary import Angles, Rotary, rotate

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


class LayerNorm(nn.Module):
    """Layer normalization without a bias, always in float32 whatever the autocast mode."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.float(), self.weight.shape, self.weight)

    def modulated(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """``forward(x) * (1 + scale) + shift``; one pass where both are the same for all."""
        shift, scale = shift.float(), scale.float()
        if shift.numel() == shift.shape[-1]:
            weight = self.weight * (1 + scale)
            return F.layer_norm(x.float(), weight.shape[-1:], weight.flatten(), shift.flatten())
        return torch.addcmul(shift, self(x), 1 + scale)


class Modulation:
    """What the noise level does to the two halves of a block: ``(shift, scale, gate)`` each,
    ``[..., H]``."""

    def __init__(self, values: Tensor, sequence: Tensor | None = None) -> None:
        """``sequence [T]`` is for noise levels that differ between packed sequences."""
        self._parts = values.float().chunk(6, dim=-1)
        self._sequence = sequence

    @property
    def attention(self) -> tuple[Tensor, ...]:
        return self._of_tokens(self._parts[:3])

    @property
    def mlp(self) -> tuple[Tensor, ...]:
        return self._of_tokens(self._parts[3:])

    def _of_tokens(self, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # One half at a time: what is gathered, [T, H] each, is as large as the residual stream.
        sequence = self._sequence
        return parts if sequence is None else tuple(part[sequence] for part in parts)


class BlockLayers(nn.Module):
    """What a block has whether or not it knows the noise level: attention and MLP, each with a norm
    before it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape.hidden_size
        self.n_heads = shape.n_heads
        self.norm1 = LayerNorm(dim)
        self.attn_qkv = Linear(dim, 3 * dim, bias=False)
        self.attn_out = Linear(dim, dim, bias=False)
        self.norm2 = LayerNorm(dim)
        self.mlp = nn.Sequential(
            Linear(dim, 4 * dim), nn.GELU(approximate="tanh"), Linear(4 * dim, dim)
        )

    def _forward_mlp(self, x: Tensor, modulation: Modulation) -> Tensor:
        shift, scale, gate = modulation.mlp
        forwarded: Tensor = self.mlp(self.norm2.modulated(x, shift, scale))
        return torch.addcmul(x, gate, forwarded)


class Block(BlockLayers):
    """Attention and MLP, each normalised, modulated and gated by the noise level."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.adaLN_modulation = zeroed(Linear(shape.cond_dim, 6 * shape.hidden_size))

    def forward(
        self, x: Tensor, c: Tensor, angles: Angles, attend: Attention, packed: Packed | None = None
    ) -> Tensor:
        """``x [B, L, H]``, or ``[T, H]`` of ``packed``; ``c [B, cond]``, or ``[1, cond]`` for
        all."""
        modulation = self._modulation(c, packed)
        shift, scale, gate = modulation.attention
        qkv: Tensor = self.attn_qkv(self.norm1.modulated(x, shift, scale))
        qkv = qkv.view(*x.shape[:-1], 3, self.n_heads, -1)
        rotate(qkv[..., :2, :, :], angles)
        x = torch.addcmul(x, gate, self.attn_out(attend(qkv, packed)))
        return self._forward_mlp(x, modulation)

    def keys_and_values(
        self, x: Tensor, c: Tensor, angles: Angles, packed: Packed | None = None
    ) -> Tensor:
        """``[T, 2, heads, D]`` of the same ``x``: all that other positions see of one."""
        shift, scale, _ = self._modulation(c, packed).attention
        kv = self.attn_qkv.outputs(self.norm1.modulated(x, shift, scale), slice(x.shape[-1], None))
        kv = kv.view(*x.shape[:-1], 2, self.n_heads, -1)
        rotate(kv[..., :1, :, :], angles)
        return kv.flatten(0, -4)

    def _modulation(self, c: Tensor, packed: Packed | None) -> Modulation:
        values: Tensor = self.adaLN_modulation(c)
        if len(c) == 1:
            return Modulation(values)
        if packed is None:
            return Modulation(values[:, None])
        return Modulation(values, packed.sequence)

    def on_rows(self, rows: Positions, c: Tensor, kv: Tensor) -> Tensor:
        """What ``forward`` gives at some rows, ``[N, H]``, with ``keys_and_values`` of all."""
        x = rows.hidden
        c = c if len(c) == 1 else c[rows.sample]
        modulation = Modulation(self.adaLN_modulation(c))
        shift, scale, gate = modulation.attention
        q = self.attn_qkv.outputs(self.norm1.modulated(x, shift, scale), slice(x.shape[-1]))
        q = q.view(len(x), self.n_heads, -1)
        rotate(q, rows.angles)
        attended = torch.empty_like(q)
        for sample in torch.unique(rows.sample).tolist():
            mine = (rows.sample == sample).nonzero().squeeze(-1)
            ours = kv[rows.ends[sample] : rows.ends[sample + 1]]
            keys, values = ours.permute(1, 2, 0, 3)[:, None]
            found = F.scaled_dot_product_attention(q[mine].transpose(0, 1)[None], keys, values)
            attended[mine] = found[0].transpose(0, 1)
        x = torch.addcmul(x, gate, self.attn_out(attended.flatten(start_dim=1)))
        return self._forward_mlp(x, modulation)


@dataclass(frozen=True)
class Positions:
    """Single positions of a batch: ``hidden [N, H]``, the ``sample [N]`` that each is of, the
    ``angles`` of each, ``[N, 1, D/2]``; and how many tokens stand before each sample, and in all.
    """

    hidden: Tensor
    sample: Tensor
    angles: Angles
    ends: list[int]


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
        self.linear = zeroed(Linear(shape.hidden_size, shape.vocab_size))
        self.adaLN_modulation = zeroed(Linear(shape.cond_dim, 2 * shape.hidden_size))

    def forward(self, x: Tensor, c: Tensor, sample: Tensor) -> Tensor:
        """``x [N, hidden]``, ``c [B, cond]`` or ``[1, cond]``; row n is of ``sample [N]``."""
        c = c if len(c) == 1 else c[sample]
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=-1)
        logits: Tensor = self.linear(self.norm_final.modulated(x, shift, scale))
        return logits


class DiT(Backbone):
    """The network: ``tokens [B, L]``, ``sigma [B]``, ``rows [N]`` -> raw logits ``[N, vocab]``.

    ``rows`` are flat indices ``b * L + l``. Every position goes through all blocks but the last,
    where others see only its keys and values; only the rows asked for go through the rest of it
    and the head, whose cost per row (hidden x vocab) is several blocks' at published size.

    Packed tokens of different lengths go the same way with one dimension, T, instead of B and L.
    """

    mixes_lengths: ClassVar[bool] = True

    def __init__(self, shape: Shape, attend: Attention = sdpa) -> None:
        super().__init__()
        self.attend = attend
        self.vocab_embed = Embedding(shape)
        self.sigma_map = TimestepEmbedder(shape.cond_dim)
        self.rotary_emb = Rotary(shape.hidden_size // shape.n_heads)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_blocks))
        self.output_layer = Head(shape)

    @property
    def _last(self) -> Block:
        block = self.blocks[-1]
        assert isinstance(block, Block)
        return block

    def forward(self, tokens: Tokens, sigma: Tensor, rows: Tensor) -> Tensor:
        return self.head(self.trunk(tokens, sigma), rows)

    def trunk(self, tokens: Tokens, sigma: Tensor) -> States:
        """``sigma [B]``, or ``[1]`` for all. What the last block needs: hidden states ``[B, L,
        hidden]`` before it, its keys and values, and the noise level's embedding ``[B, cond]``; of
        packed tokens ``[T, hidden]``, and where the sequences end."""
        with torch.autocast(sigma.device.type, enabled=False):
            c = F.silu(self.sigma_map(sigma))
        packed: Packed | None = None
        if isinstance(tokens, Packed):
            packed, tokens = tokens, tokens.tokens
            cos, sin = (part[packed.position] for part in self.rotary_emb(packed.longest))
            angles = (cos, sin)
        else:
            angles = self.rotary_emb(tokens.shape[1])
        x: Tensor = self.vocab_embed(tokens)
        for block in self.blocks[:-1]:
            x = block(x, c, angles, self.attend, packed)
        kv = self._last.keys_and_values(x, c, angles, packed)
        return (x, kv, c) if packed is None else (x, kv, c, packed.ends.long())

    def head(self, states: States, rows: Tensor) -> Tensor:
        x, kv, c, *packed = states
        ends = packed[0] if packed else torch.arange(len(x) + 1, device=rows.device) * x.shape[1]
        sample = torch.searchsorted(ends, rows, right=True) - 1
        position = rows - ends[sample]
        all_ends = ends.tolist()
        longest = max(end - start for start, end in pairwise(all_ends))
        cos, sin = (part[position, 0] for part in self.rotary_emb(longest))
        at_rows = Positions(x.flatten(0, -2)[rows], sample, (cos, sin), all_ends)
        logits: Tensor = self.output_layer(self._last.on_rows(at_rows, c, kv), c, sample)
        return logits


def zeroed(linear: Linear) -> Linear:
    """Start at zero (adaLN-zero): a new network is the identity up to its head."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
