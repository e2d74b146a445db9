"""This module finds the tokens of a row that a nucleus can hold.

A sampler with a nucleus needs no more of the row. The nucleus itself is the sampler's to choose, by
its rule and in its order; here only what is certainly out of it is left out, and the sum of what is
left out is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CANDIDATES = 4096
"""Likeliest tokens that are looked at first. Of a trained network's rows that is nearly always
enough; a row for which it is not is sorted as a whole."""

ROUNDING = 1e-9
"""How much more than the nucleus' mass is kept, as a part of one: sums taken in another order
differ by far less."""


class TopRows(NamedTuple):
    """``counts [N]`` int32 says how many of ``ids [M]`` int32 and ``logits [M]`` are each row's;
    ``rest [N]`` float64 is the sum of exp(logit - max) of what was left out of it."""

    counts: Tensor
    ids: Tensor
    logits: Tensor
    rest: Tensor


def top_rows(logits: Tensor, mask_id: int, mass: float) -> TopRows:
    """Of each row of ``logits [N, V]``: the likeliest tokens until their probability exceeds
    ``mass`` in (0, 1), the one that crosses it included and all that equal it; all if it never
    does. Ids ascend.

    Neither the mask nor a token of -inf has a part in it. A row with NaN or +inf is no
    distribution: it is kept whole, for the sampler to refuse.
    """
    if logits.device.type == "mps":
        logits = logits.cpu()  # an Apple GPU has no float64, and the same memory
    others = logits.clone()
    others[:, mask_id] = -torch.inf
    peak = others.amax(dim=-1, keepdim=True)  # NaN if there is one
    weights = _weights(others, peak)
    goal = weights.sum(dim=-1, keepdim=True) * (mass + ROUNDING)
    kept = others >= _edges(others, peak, goal)
    kept &= others > -torch.inf
    broken = (peak.isnan() | (peak == torch.inf)).squeeze(-1)
    kept[broken] = True
    kept[:, mask_id] = False
    rest = weights.masked_fill_(kept, 0.0).sum(dim=-1)
    rest[~peak.isfinite().squeeze(-1)] = 0.0
    _, ids = kept.nonzero(as_tuple=True)
    return TopRows(kept.sum(dim=-1, dtype=torch.int32), ids.int(), logits[kept], rest)


def _weights(logits: Tensor, peak: Tensor) -> Tensor:
    """exp(logit - max) in float64, as the sampler computes it."""
    weights = logits.double()
    weights -= peak
    return weights.exp_()


def _edges(logits: Tensor, peak: Tensor, goal: Tensor) -> Tensor:
    """``[N, 1]``: the logit at which each row's weights, the largest first, exceed ``goal``; -inf
    where they never do."""
    few = min(CANDIDATES, logits.shape[-1])
    edges = _crossing(logits.topk(few, dim=-1).values, peak, goal)
    short = ((edges == -torch.inf) & peak.isfinite()).squeeze(-1)
    if few < logits.shape[-1] and short.any():
        ordered = logits[short].sort(dim=-1, descending=True).values
        edges[short] = _crossing(ordered, peak[short], goal[short])
    return edges


def _crossing(ordered: Tensor, peak: Tensor, goal: Tensor) -> Tensor:
    """The same among ``ordered [N, K]``, each row's K largest logits in descending order."""
    beyond = _weights(ordered, peak).cumsum(dim=-1) > goal
    first = (~beyond).sum(dim=-1, keepdim=True)
    edges = ordered.gather(-1, first.clamp(max=ordered.shape[-1] - 1))
    return edges.masked_fill_(first == ordered.shape[-1], -torch.inf)
