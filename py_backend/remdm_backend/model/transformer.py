"""This network is the transformer of LLaDA, Dream and the A2D models: Llama's, without its mask.

RMSNorm, rotary positions with float32 angles, SwiGLU, grouped keys and values (Touvron et al. 2023;
Ainslie et al. 2023); every position sees all others. Sources: ``modeling_llada.py`` of
GSAI-ML/LLaDA-8B-Base, ``modeling_dream.py`` of Dream-org/Dream-v0-Base-7B, and
``pipelines/a2d/models`` of ZHZisZZ/dllm. There is no dropout, which is off whenever they sample.

In bfloat16 the embedding and the linear layers have rounded weights, and linear layers and
attention take and give bfloat16; the residual stream, the norms and the rotary positions are
float32, where the published code rounds the stream too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from remdm_backend.model.backbone import Backbone, States
from remdm_backend.model.linear import Linear
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.rotary import Angles, Rope, turned


@dataclass(frozen=True)
class TransformerShape:
    """What fixes the network; a head has ``head_dim`` numbers, a multiple of 2, and ``n_kv_heads``
    divides ``n_heads``.

    ``vocab_size`` counts the columns of the head, padding included. ``head_norms``: queries and
    keys are normalised, each head by itself. ``tied``: the head has the embedding's weights.
    ``shifted``: position i is predicted by the row at i - 1, and the first by its own.
    """

    vocab_size: int
    hidden_size: int
    n_blocks: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    mlp_size: int
    norm_eps: float
    rope: Rope
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    head_norms: bool = False
    tied: bool = False
    shifted: bool = False


class RMSNorm(nn.Module):
    """Division by the root mean square of the last dimension, in float32 whatever the autocast
    mode."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


class TransformerBlock(nn.Module):
    """Attention and MLP, each normalised before."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        dim, head_dim, eps = shape.hidden_size, shape.head_dim, shape.norm_eps
        self.head_dim = head_dim
        self.group = shape.n_heads // shape.n_kv_heads
        queries, keys = shape.n_heads * head_dim, shape.n_kv_heads * head_dim
        self.attention_norm = RMSNorm(dim, eps)
        self.query = Linear(dim, queries, bias=shape.qkv_bias)
        self.key = Linear(dim, keys, bias=shape.qkv_bias)
        self.value = Linear(dim, keys, bias=shape.qkv_bias)
        self.query_norm = RMSNorm(head_dim, eps) if shape.head_norms else nn.Identity()
        self.key_norm = RMSNorm(head_dim, eps) if shape.head_norms else nn.Identity()
        self.attention_out = Linear(queries, dim, bias=shape.out_bias)
        self.mlp_norm = RMSNorm(dim, eps)
        self.gate = Linear(dim, shape.mlp_size, bias=shape.mlp_bias)
        self.up = Linear(dim, shape.mlp_size, bias=shape.mlp_bias)
        self.down = Linear(shape.mlp_size, dim, bias=shape.mlp_bias)

    def forward(self, x: Tensor, angles: Angles) -> Tensor:
        """``x [B, L, H]``."""
        x = x + self._attended(self.attention_norm(x), angles)
        return x + self._forwarded(self.mlp_norm(x))

    def _attended(self, normed: Tensor, angles: Angles) -> Tensor:
        queries, keys, values = (
            layer(normed).unflatten(-1, (-1, self.head_dim))
            for layer in (self.query, self.key, self.value)
        )
        queries = turned(self.query_norm(queries), angles).to(values.dtype)
        keys = turned(self.key_norm(keys), angles).to(values.dtype)
        if self.group > 1:  # not every kernel takes groups, and the copies are small
            keys, values = (part.repeat_interleave(self.group, dim=2) for part in (keys, values))
        q, k, v = (part.transpose(1, 2) for part in (queries, keys, values))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(start_dim=2)
        attended: Tensor = self.attention_out(mixed)
        return attended

    def _forwarded(self, normed: Tensor) -> Tensor:
        # In place: an MLP of Qwen2 is more than five times as wide as the residual stream.
        gated = F.silu(self.gate(normed), inplace=True).mul_(self.up(normed))
        forwarded: Tensor = self.down(gated)
        return forwarded


class Transformer(Backbone):
    """The network: ``tokens [B, L]`` and ``rows [N]`` -> raw logits ``[N, vocab]``.

    It knows no noise level. ``absent [vocab]`` is true at the columns that no token has, whose
    logits are ``-inf``; ``None`` where every column has one, or nobody knows.
    """

    frequencies: Tensor
    absent: Tensor | None

    def __init__(self, shape: TransformerShape, absent: Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        # No initial numbers: drawing them on the meta device imports all of torch._dynamo.
        table = torch.empty(shape.vocab_size, shape.hidden_size)
        self.embedding = nn.Embedding(shape.vocab_size, shape.hidden_size, _weight=table)
        self.blocks = nn.ModuleList(TransformerBlock(shape) for _ in range(shape.n_blocks))
        self.final_norm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.output = Linear(shape.hidden_size, shape.vocab_size, bias=shape.head_bias)
        self.register_buffer(
            "frequencies", shape.rope.frequencies(shape.head_dim), persistent=False
        )
        self.register_buffer("absent", absent, persistent=False)
        self.tie()

    def tie(self) -> None:
        """Give the head the embedding's weights, where the shape says so."""
        if self.shape.tied:
            self.output.weight = self.embedding.weight

    def forward(self, tokens: Tokens, sigma: Tensor, rows: Tensor) -> Tensor:
        return self.head(self.trunk(tokens, sigma), rows)

    def trunk(self, tokens: Tokens, sigma: Tensor) -> States:
        """The residual stream ``[B, L, H]`` after the last block; ``sigma`` plays no part."""
        assert not isinstance(tokens, Packed)  # it does not mix lengths
        x: Tensor = self.embedding(tokens).float()
        positions = torch.arange(tokens.shape[1], dtype=torch.float32, device=tokens.device)
        turns = (positions[:, None] * self.frequencies)[:, None]
        angles = turns.cos(), turns.sin()
        for block in self.blocks:
            x = block(x, angles)
        return (x,)

    def head(self, states: States, rows: Tensor) -> Tensor:
        (x,) = states
        if self.shape.shifted:
            rows = rows - (rows % x.shape[1] != 0).long()
        logits: Tensor = self.output(self.final_norm(x.flatten(0, 1)[rows]))
        return logits if self.absent is None else logits.masked_fill_(self.absent, -torch.inf)
