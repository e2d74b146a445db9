"""This module finds the tokens of a row that a draw can take.

A sampler with a nucleus or top-k needs no more of the row. The tokens themselves are the sampler's
to choose, by its rule and in its order; here only what is certainly out is left out, and the sum of
what is left out is kept. The order is the sampler's: temperature, top-k, nucleus.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import torch
from torch import Tensor

CANDIDATES = 4096
"""Likeliest tokens that are looked at first. Of a trained network's rows that is nearly always
enough; a row for which it is not is sorted as a whole."""

ROUNDING = 1e-9
"""How much more than the nucleus' mass is kept, as a part of one: sums taken in another order
differ by far less."""

SAME = 1e-12
"""How far apart, in nats after the temperature, tokens may be that count as equal: at a high
temperature different logits have equal weights, and the sampler then goes by their ids."""


class TopRows(NamedTuple):
    """``counts [N]`` int32 says how many of ``ids [M]`` int32 and ``logits [M]`` are each row's;
    ``rest [N]`` float64 is the sum of exp((logit - max) / temperature) of what was left out of it,
    with top-k of the k likeliest tokens alone; ``log_mass [N]`` float64 is the log of the sum of
    exp(logit) over all tokens except the mask, and nothing is left out of it."""

    counts: Tensor
    ids: Tensor
    logits: Tensor
    rest: Tensor
    log_mass: Tensor


def top_rows(
    logits: Tensor,
    mask_id: int,
    mass: float | None,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> TopRows:
    """Of each row of ``logits [N, V]``: the likeliest tokens until their probability exceeds
    ``mass`` in (0, 1), the one that crosses it included and all that equal it; all if it never
    does. Ids ascend.

    The probability is that of the logits divided by ``temperature`` in (0, inf). With ``top_k``, at
    least 1, there are only the k likeliest tokens and all that equal the last of them, and the
    probability is that among k; ``mass`` may then be None, for no nucleus.

    Neither the mask nor a token of -inf has a part in it. A row with NaN or +inf is no
    distribution: it is kept whole, for the sampler to refuse.
    """
    if logits.device.type == "mps":
        logits = logits.cpu()  # an Apple GPU has no float64, and the same memory
    others = logits.clone()
    others[:, mask_id] = -torch.inf
    peak = others.amax(dim=-1, keepdim=True)  # NaN if there is one
    # As the sampler divides, which has no infinity there: 0 times it is 0.
    inverse = min(1 / temperature, sys.float_info.max)
    weights = _weights(others, peak, 1)
    log_mass = (peak.double() + weights.sum(dim=-1, keepdim=True).log_()).squeeze(-1)
    log_mass[(peak == -torch.inf).squeeze(-1)] = -torch.inf
    if top_k is not None:
        ordered = others.topk(min(top_k, logits.shape[-1]), dim=-1).values
        edges, rest = _among(ordered, peak, mass, inverse)
        kept = others >= edges
    else:
        assert mass is not None
        weights = weights if inverse == 1 else _weights(others, peak, inverse)
        goal = weights.sum(dim=-1, keepdim=True) * (mass + ROUNDING)
        kept = others >= _edges(others, peak, goal, inverse)
        rest = weights.masked_fill_(kept, 0.0).sum(dim=-1)
    kept &= others > -torch.inf
    broken = (peak.isnan() | (peak == torch.inf)).squeeze(-1)
    kept[broken] = True
    kept[:, mask_id] = False
    rest[~peak.isfinite().squeeze(-1)] = 0.0
    _, ids = kept.nonzero(as_tuple=True)
    return TopRows(kept.sum(dim=-1, dtype=torch.int32), ids.int(), logits[kept], rest, log_mass)


def _weights(logits: Tensor, peak: Tensor, inverse: float) -> Tensor:
    """exp((logit - max) * inverse) in float64, as the sampler computes it."""
    weights = logits.double()
    weights -= peak
    if inverse != 1:
        weights *= inverse
    return weights.exp_()


def _among(
    ordered: Tensor, peak: Tensor, mass: float | None, inverse: float
) -> tuple[Tensor, Tensor]:
    """Of ``ordered [N, k]``, each row's k largest logits in descending order: ``[N, 1]`` the logit
    at which they exceed ``mass`` of their own sum, at the latest the last; ``[N]`` the sum of the
    weights below it."""
    weights = _weights(ordered, peak, inverse)
    edges = ordered[:, -1:]
    if mass is not None:
        goal = weights.sum(dim=-1, keepdim=True) * (mass + ROUNDING)
        edges = _crossing(ordered, peak, goal, inverse).maximum(edges)
    return edges, weights.masked_fill_(ordered >= edges, 0.0).sum(dim=-1)


def _edges(logits: Tensor, peak: Tensor, goal: Tensor, inverse: float) -> Tensor:
    """``[N, 1]``: the logit at which each row's weights, the largest first, exceed ``goal``; -inf
    where they never do."""
    few = min(CANDIDATES, logits.shape[-1])
    edges = _crossing(logits.topk(few, dim=-1).values, peak, goal, inverse)
    short = ((edges == -torch.inf) & peak.isfinite()).squeeze(-1)
    if few < logits.shape[-1] and short.any():
        ordered = logits[short].sort(dim=-1, descending=True).values
        edges[short] = _crossing(ordered, peak[short], goal[short], inverse)
    return edges


def _crossing(ordered: Tensor, peak: Tensor, goal: Tensor, inverse: float) -> Tensor:
    """The same among ``ordered [N, K]``, each row's K largest logits in descending order."""
    beyond = _weights(ordered, peak, inverse).cumsum(dim=-1) > goal
    first = (~beyond).sum(dim=-1, keepdim=True)
    edges = ordered.gather(-1, first.clamp(max=ordered.shape[-1] - 1))
    edges = edges.double() - SAME / inverse
    return edges.masked_fill_(first == ordered.shape[-1], -torch.inf)
