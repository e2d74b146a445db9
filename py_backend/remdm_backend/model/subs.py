"""The SUBS parameterization (MDLM; the original's ``_subs_parameterization``).

Two facts about absorbing-state diffusion are built into the output instead of being learned: the
clean text holds no mask, and a token that is already revealed is already right.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEGATIVE_INFINITY = -1_000_000.0
"""The original's finite stand-in for log 0."""


def subs_log_probs(logits: Tensor, tokens: Tensor, mask_id: int) -> Tensor:
    """log p(x0 | xt) of some rows.

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
