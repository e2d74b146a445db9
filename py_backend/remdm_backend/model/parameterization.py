"""This module turns raw logits of single rows into what the original's ``forward`` returns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEGATIVE_INFINITY = -1_000_000.0
"""The original's finite stand-in for log 0."""
AR_NEGATIVE_INFINITY = -1_000.0
"""The stand-in of its autoregressive model."""


def subs_log_probs(logits: Tensor, tokens: Tensor, mask_id: int) -> Tensor:
    """log p(x0 | xt) under SUBS (MDLM; ``_subs_parameterization``).

    Two facts about absorbing-state diffusion are built into the output instead of being learned:
    the clean text holds no mask, and a token that is already revealed is already right.

    ``logits [N, V]`` is the head's raw output in float32, ``tokens [N]`` what stands at each row in
    xt. Masked rows: zero probability for the mask, the rest normalised. Revealed rows: 0 at their
    own token and ``NEGATIVE_INFINITY`` elsewhere. Returns a new ``[N, V]`` tensor.
    """
    log_probs = logits.clone()
    log_probs[:, mask_id] += NEGATIVE_INFINITY
    log_probs -= torch.logsumexp(log_probs, dim=-1, keepdim=True)
    revealed = (tokens != mask_id).nonzero().squeeze(-1)
    log_probs[revealed] = NEGATIVE_INFINITY
    log_probs[revealed, tokens[revealed]] = 0.0
    return log_probs


def d3pm_log_probs(logits: Tensor, mask_id: int, *, subs_masking: bool) -> Tensor:
    """Return log p(x0 | xt) of a D3PM model (``_d3pm_parameterization``): nothing is carried
    over."""
    log_probs = logits.clone()
    if subs_masking:
        log_probs[:, mask_id] += NEGATIVE_INFINITY
    log_probs -= torch.logsumexp(log_probs, dim=-1, keepdim=True)
    return log_probs


def sedd_log_scores(logits: Tensor, tokens: Tensor, sigma: Tensor) -> Tensor:
    """Return the log scores of a SEDD model (``_sedd_parameterization``); ``sigma [N]`` of each
    row.
    """
    expm1 = torch.where(sigma < 0.5, torch.expm1(sigma), sigma.exp() - 1)
    log_scores = logits - expm1.log()[:, None] - math.log(logits.shape[-1] - 1)
    return log_scores.scatter(-1, tokens[:, None], 0.0)


def next_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    """Return log p(next token) of an autoregressive model (``AR.forward``)."""
    masked = logits.clone()
    masked[:, mask_id] = AR_NEGATIVE_INFINITY
    return masked.log_softmax(dim=-1)
