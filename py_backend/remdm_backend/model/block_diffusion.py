"""This network is BD3-LM's (Arriola et al. 2025, arXiv 2503.09573): MDLM's DiT, causal over blocks.

A position sees its own block and the blocks left of it, as far as the context goes. In training the
original's network is given a noisy and a clean text at once; where it samples, what stands left of
a block is clean, and one text is enough (``sample_mode`` of ``models/hf/modeling_bd3lm.py``).
Module names are the original's. The noise level is never given to it: adaLN, where a model has it,
sees 0.

Beyond the context it computes what the original does with its KV cache, whose keys and values keep
what they saw: blocks are never computed again for a window that has moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from remdm_backend.model.autoregressive import CausalHead
from remdm_backend.model.block_prefixes import Blocks, Prefix
from remdm_backend.model.dit import (
    BlockLayers,
    Embedding,
    Head,
    Modulation,
    Shape,
    TimestepEmbedder,
    zeroed,
)
from remdm_backend.model.linear import Linear
from remdm_backend.model.rotary import Angles, Rotary, inverse_frequencies, rotate


@dataclass(frozen=True)
class Chunk:
    """Tokens ``begin .. end`` of one text, whole blocks, which ``prefix`` was just extended by;
    ``mask`` says what each sees of what the first sees and all that follows, ``None``:
    everything."""

    prefix: Prefix
    begin: int
    end: int
    mask: Tensor | None


class BlockCausalLayer(BlockLayers):
    """Attention and MLP, each normalised; modulated and gated where ``cond_dim`` is above 0."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.adaLN_modulation: Linear | None = None
        if shape.cond_dim > 0:
            self.adaLN_modulation = zeroed(Linear(shape.cond_dim, 6 * shape.hidden_size))

    def modulation(self, c: Tensor | None) -> Modulation:
        """What the noise level's embedding ``c [1, cond]`` does to the two halves."""
        if self.adaLN_modulation is not None:
            return Modulation(self.adaLN_modulation(c))
        weight = self.norm1.weight
        nothing, open_gate = torch.zeros_like(weight)[None], torch.ones_like(weight)[None]
        return Modulation(torch.cat(2 * (nothing, nothing, open_gate), dim=-1))

    def forward(
        self, x: Tensor, modulation: Modulation, angles: Angles, attend: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """``x [T, H]``."""
        shift, scale, gate = modulation.attention
        qkv: Tensor = self.attn_qkv(self.norm1.modulated(x, shift, scale))
        qkv = qkv.view(len(x), 3, self.n_heads, -1)
        rotate(qkv[:, :2], angles)
        x = torch.addcmul(x, gate, self.attn_out(attend(qkv)))
        return self._forward_mlp(x, modulation)


@dataclass(frozen=True)
class Conditioning:
    """The embedding of the noise level 0, ``None`` without adaLN, and what each block makes of
    it."""

    c: Tensor | None
    modulations: list[Modulation]


class BlockDiffusion(nn.Module):
    """The network; a ``cond_dim`` of 0 stands for one without adaLN."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.vocab_embed = Embedding(shape)
        if shape.cond_dim > 0:
            self.sigma_map = TimestepEmbedder(shape.cond_dim)
        self.rotary_emb = Rotary(shape.hidden_size // shape.n_heads)
        self._frequencies = inverse_frequencies(shape.hidden_size // shape.n_heads).double()
        self.blocks = nn.ModuleList(BlockCausalLayer(shape) for _ in range(shape.n_blocks))
        self.output_layer = Head(shape) if shape.cond_dim > 0 else CausalHead(shape)
        self._conditioning: Conditioning | None = None

    def new_prefix(self, blocks: Blocks, like: Tensor) -> Prefix:
        """Return a prefix of no tokens; type and device are ``like``'s."""
        heads = self.shape.n_heads
        return Prefix(blocks, self.shape.n_blocks, (heads, self.shape.hidden_size // heads), like)

    def extend(self, tokens: Tensor, chunks: Sequence[Chunk]) -> Tensor:
        """Hidden states ``[T, H]`` of ``tokens [T]``, those of the chunks one after the other;
        their keys and values are added to their prefixes."""
        x: Tensor = self.vocab_embed(tokens)
        angles = self._angles(chunks, tokens.device)
        modulations = self._condition().modulations
        for index, (block, modulation) in enumerate(zip(self.blocks, modulations, strict=True)):
            x = block(x, modulation, angles, lambda qkv, index=index: _attend(qkv, index, chunks))
        return x

    def head(self, hidden: Tensor) -> Tensor:
        """Raw logits ``[N, V]`` of ``hidden [N, H]``."""
        c = self._condition().c
        if c is None:
            plain: Tensor = self.output_layer(hidden)
            return plain
        logits: Tensor = self.output_layer(hidden, c, None)
        return logits

    def _condition(self) -> Conditioning:
        """The same in every forward of a loaded network, so it is computed in the first."""
        if self._conditioning is None:
            c = None
            if self.shape.cond_dim > 0:
                nothing = torch.zeros(1, device=self.vocab_embed.embedding.device)
                with torch.autocast(nothing.device.type, enabled=False):
                    c = F.silu(self.sigma_map(nothing))
            layers = (block for block in self.blocks if isinstance(block, BlockCausalLayer))
            self._conditioning = Conditioning(c, [layer.modulation(c) for layer in layers])
        return self._conditioning

    def _angles(self, chunks: Sequence[Chunk], device: torch.device) -> Angles:
        """Of each token, ``[T, 1, 1, D/2]``: computed in float64, so that a text of any length has
        the angles between its positions right."""
        positions = torch.cat([torch.arange(chunk.begin, chunk.end) for chunk in chunks])
        angles = torch.outer(positions.double(), self._frequencies)[:, None, None]
        return angles.cos().float().to(device), angles.sin().float().to(device)


def _attend(qkv: Tensor, layer: int, chunks: Sequence[Chunk]) -> Tensor:
    """``[T, 3, heads, D] -> [T, H]``, each chunk among the tokens of its own text."""
    attended = torch.empty_like(qkv[:, 0])
    first = 0
    for chunk in chunks:
        last = first + chunk.end - chunk.begin
        queries, keys, values = qkv[first:last].permute(1, 2, 0, 3)
        keys, values = chunk.prefix.add(layer, keys, values)
        found = F.scaled_dot_product_attention(
            queries[None], keys[None], values[None], attn_mask=chunk.mask
        )
        attended[first:last] = found[0].transpose(0, 1)
        first = last
    return attended.flatten(start_dim=1)
