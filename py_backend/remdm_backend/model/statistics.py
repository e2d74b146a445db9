"""This module reduces each row of logits to the few numbers that a sampler names.

A row's distribution is the softmax of all its columns except the mask's. A statistic takes 4 bytes
a row instead of the row's 200 KB at published size. Sums are taken in float64 and results are
rounded to float32 once. ``docs/design.md``, section 5, says what reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

StatisticName = Literal["logMass", "maskLogit", "max", "argmax", "second", "entropy", "given"]
"""``logMass`` is the log of the sum of exp(logit); ``maskLogit`` the mask's logit; ``max`` and
``second`` the log-probabilities of the likeliest token and of the next one (equals count, so two
equal maxima make them equal; ``second`` is -inf where only one token is possible); ``argmax`` the
id of the likeliest, of equals the lowest, exact below 2^24; ``entropy`` in nats; ``given`` the
log-probability of a token that the caller names, -inf for the mask. Logarithms are natural."""

LOGITS_IN_CACHE = 2**19
"""Logits that a processor reduces at a time: 4 MiB in float64, which stay in its cache. This is
twice as fast as all rows at once, measured with 333 rows of 50,258 on 2 cores."""

BLOCK = 256
"""Columns of which the largest is found before its place is looked for: on a CPU PyTorch finds the
largest four times as fast as its place."""

NEGLIGIBLE = -1e4
"""A log-weight below which exp is 0 in float64: it stands for -inf, times which 0 is not NaN."""


def row_statistics(
    logits: Tensor, mask_id: int, names: Sequence[StatisticName], given: Tensor | None = None
) -> Tensor:
    """Return ``[N, k]`` float32 of ``logits [N, V]``: a column for each of ``names``, in order.

    ``given [N]`` int64 names a token for each row; ``given`` among ``names`` needs it. A row with
    NaN or +inf in a column other than the mask's is no distribution: all its statistics are NaN
    except ``maskLogit``. A row whose other columns are all -inf has no mass: ``logMass`` is -inf,
    the others are NaN too. The sampler refuses such rows.
    """
    if logits.device.type == "mps":
        logits = logits.cpu()  # an Apple GPU has no float64, and the same memory
        given = None if given is None else given.cpu()
    portion = max(1, LOGITS_IN_CACHE // logits.shape[-1])
    if logits.device.type == "cpu" and len(logits) > portion:
        places = [slice(at, at + portion) for at in range(0, len(logits), portion)]
        return torch.cat(
            [
                _reduced(logits[rows], mask_id, names, None if given is None else given[rows])
                for rows in places
            ]
        )
    return _reduced(logits, mask_id, names, given)


def _reduced(
    logits: Tensor, mask_id: int, names: Sequence[StatisticName], given: Tensor | None
) -> Tensor:
    """Return the statistics of rows that are reduced at once."""
    mask_logit = logits[:, mask_id].double()
    if tuple(names) == ("maskLogit",):
        return mask_logit[:, None].float()
    rows = logits.to(torch.float64, copy=True)
    rows[:, mask_id] = -torch.inf
    peak, found = _of_distribution(rows, names, given)
    found["maskLogit"] = mask_logit
    values = torch.stack([found[name] for name in names], dim=-1)
    broken = ~peak.isfinite()
    for column, name in enumerate(names):
        if name != "maskLogit":
            values[:, column].masked_fill_(broken, torch.nan)
        if name == "logMass":
            values[:, column].masked_fill_(peak == -torch.inf, -torch.inf)
    return values.float()


def _of_distribution(
    rows: Tensor, names: Sequence[StatisticName], given: Tensor | None
) -> tuple[Tensor, dict[StatisticName, Tensor]]:
    """Return the largest of each of ``rows [N, V]`` and the statistics, each ``[N]``; overwrite
    ``rows``, in which the mask is -inf."""
    peak, place = _largest(rows)
    best = place[:, None]
    found: dict[StatisticName, Tensor] = {"argmax": place.double()}
    rows -= peak[:, None]
    if "given" in names:
        assert given is not None
        found["given"] = rows.gather(-1, given[:, None])[:, 0]
    if "second" in names:
        found["second"] = rows.scatter_(-1, best, -torch.inf).amax(dim=-1)
        rows.scatter_(-1, best, 0.0)
    weights = rows.exp() if "entropy" in names else rows.exp_()
    # Without the likeliest token's weight, which is 1: a small rest keeps its digits.
    rest = weights.scatter_(-1, best, 0.0).sum(dim=-1)
    log_sum = rest.log1p()
    found |= {"logMass": peak + log_sum, "max": -log_sum}
    for name in ("second", "given"):
        if name in found:
            found[name] -= log_sum
    if "entropy" in names:
        weights *= rows.clamp_(min=NEGLIGIBLE)
        found["entropy"] = log_sum - weights.sum(dim=-1) / (1 + rest)
    return peak, found


def _largest(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of each of ``rows [N, V]``, NaN if there is one, and its first place."""
    width = rows.shape[-1]
    if width < 2 * BLOCK:
        return torch.max(rows, dim=-1)
    whole = width - width % BLOCK
    largest = rows[:, :whole].view(len(rows), whole // BLOCK, BLOCK).amax(dim=-1)
    if whole < width:
        largest = torch.cat((largest, rows[:, whole:].amax(dim=-1, keepdim=True)), dim=-1)
    peak, block = largest.max(dim=-1)
    # The last BLOCK columns where the block is the rest: what lies before the rest is smaller.
    begin = (block * BLOCK).clamp_(max=width - BLOCK)
    columns = begin[:, None] + torch.arange(BLOCK, device=rows.device)
    return peak, begin + rows.gather(-1, columns).argmax(dim=-1)
