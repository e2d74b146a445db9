"""This network is the autoregressive baseline of MDLM and ReMDM: causal, without a noise level.

It has the same blocks. Module names and the order of parameters are the original's
(``models/autoregressive.py``), because its checkpoints name and list them so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from remdm_backend.model.attention import CausalAttention, causal_sdpa
from remdm_backend.model.backbone import CausalBackbone, KeysAndValues
from remdm_backend.model.dit import (
    BlockLayers,
    Embedding,
    LayerNorm,
    Shape,
    zeroed,
)
from remdm_backend.model.linear import Linear
from remdm_backend.model.rotary import Angles, Rotary, rotate


class CausalBlock(BlockLayers):
    """Attention to what came before, and MLP, each normalised."""

    def forward(
        self,
        x: Tensor,
        angles: Angles,
        remember: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
        attend: CausalAttention,
    ) -> Tensor:
        """``x [B, l, H]``; ``remember`` adds its keys and values to what is known from before, and
        gives all of them."""
        qkv: Tensor = self.attn_qkv(self.norm1(x))
        qkv = qkv.view(*x.shape[:2], 3, self.n_heads, -1)
        rotate(qkv[:, :, :2], angles)
        queries, keys, values = (part.transpose(1, 2) for part in qkv.unbind(dim=2))
        attended = attend(queries, *remember(keys, values))
        x = x + self.attn_out(attended.transpose(1, 2).flatten(start_dim=2))
        forwarded: Tensor = x + self.mlp(self.norm2(x))
        return forwarded


class CausalHead(nn.Module):
    """Final norm and projection to the vocabulary."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm_final = LayerNorm(shape.hidden_size)
        self.linear = zeroed(Linear(shape.hidden_size, shape.vocab_size))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.norm_final(x))
        return logits


class Autoregressive(CausalBackbone):
    """The network; ``cond_dim`` of the shape has no meaning here."""

    def __init__(self, shape: Shape, attend: CausalAttention = causal_sdpa) -> None:
        super().__init__()
        self.attend = attend
        self.shape = shape
        self.vocab_embed = Embedding(shape)
        self.rotary_emb = Rotary(shape.hidden_size // shape.n_heads)
        self.blocks = nn.ModuleList(CausalBlock(shape) for _ in range(shape.n_blocks))
        self.output_layer = CausalHead(shape)

    def keys_and_values(self, batch: int, length: int, like: Tensor) -> KeysAndValues:
        heads = self.shape.n_heads
        width = self.shape.hidden_size // heads
        return KeysAndValues(self.shape.n_blocks, (batch, heads, length, width), like)

    def extend(self, tokens: Tensor, begin: int, known: KeysAndValues) -> Tensor:
        x: Tensor = self.vocab_embed(tokens)
        angles = self.rotary_emb(tokens.shape[1], begin)
        for index, block in enumerate(self.blocks):
            x = block(x, angles, partial(known.add, index, begin), self.attend)
        return x

    def forward(self, tokens: Tensor, _sigma: Tensor, rows: Tensor) -> Tensor:
        """``tokens [B, L]``, ``rows [N]`` -> raw logits ``[N, vocab]``, as a ``DiT`` gives them;
        nothing is kept, so that it can be trained."""
        x: Tensor = self.vocab_embed(tokens)
        angles = self.rotary_emb(tokens.shape[1])
        for block in self.blocks:
            x = block(x, angles, lambda keys, values: (keys, values), self.attend)
        return self.head(x.flatten(0, 1)[rows])

    def head(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.output_layer(hidden)
        return logits
