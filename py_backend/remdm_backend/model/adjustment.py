"""This module changes the logits of a forward before anything is made of them.

Guidance comes first, classifier-free as LLaDA has it (``generate``): a second forward sees the
prompt as masks, and each row becomes ``l_u + (scale + 1) (l_c - l_u)``. Bans come second: the
logits of banned tokens are -inf. Whatever is made of the rows (top rows, statistics,
log-probabilities) sees the changed logits alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from remdm_backend.model.packing import Packed, Tokens


@dataclass(frozen=True, eq=False)
class Guidance:
    """``scale`` in [0, 1e6]; ``masked [M]`` int64: flat indices, into the tokens of one call, of
    what the unconditional forward sees as masks."""

    scale: float
    masked: Tensor


@dataclass(frozen=True, eq=False)
class Adjustment:
    """``banned [K]`` int64: token ids in [0, vocab_size)."""

    guidance: Guidance | None = None
    banned: Tensor | None = None


def with_unconditional(tokens: Tokens, masked: Tensor, mask_id: int) -> Tokens:
    """Return the sequences of ``tokens`` twice: as they are, then with masks at ``masked``."""
    if isinstance(tokens, Packed):
        again = tokens.tokens.index_fill(0, masked, mask_id)
        return Packed(torch.cat((tokens.tokens, again)), tokens.lengths * 2)
    again = tokens.flatten().index_fill(0, masked, mask_id).view_as(tokens)
    return torch.cat((tokens, again))


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Return ``l_u + (scale + 1) (l_c - l_u)`` in float32, each operation rounded, as a new tensor.

    A token that either forward excludes (-inf) is -inf. NaN and +inf elsewhere leave a row that is
    no distribution, which the sampler refuses.
    """
    certain, free = conditional.float(), unconditional.float()
    excluded = (certain == -torch.inf) | (free == -torch.inf)
    rows = certain - free
    rows *= scale + 1
    rows += free
    return rows.masked_fill_(excluded, -torch.inf)
