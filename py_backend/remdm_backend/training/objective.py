"""The continuous-time SUBS objective (MDLM, arXiv 2406.07524; the original's
``_forward_pass_diffusion``).

With the log-linear schedule each token is masked with probability (1 - 1e-3) t, and the negative
evidence lower bound per token is E_t[ 1/t * sum over masked positions of -log p(x0 | xt) ] / L.
Revealed positions cost nothing, so the head runs on masked rows only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from remdm_backend.model.parameterization import NEGATIVE_INFINITY

Logits = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``tokens [B, L], sigma [B], rows [N] -> [N, vocab]``: a ``DiT`` or ``Network.logits``."""

SCHEDULE_EPSILON = 1e-3
"""Of the log-linear schedule: at t = 1 a token survives with this probability."""
SMALLEST_TIME = 1e-3


@dataclass(frozen=True)
class Noised:
    """A noised batch: ``xt [B, L]``; of its masked positions ``rows [N]``, the flat indices,
    ``targets [N]``, the clean tokens, and ``weight [N]``, 1/t."""

    xt: Tensor
    rows: Tensor
    targets: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Noised:
        """The same batch on ``device``."""
        parts = (self.xt, self.rows, self.targets, self.weight)
        return Noised(*(part.to(device) for part in parts))


def noise(x0: Tensor, mask_id: int, generator: torch.Generator) -> Noised:
    """Mask ``x0 [B, L]`` at antithetic times: the batch covers [1e-3, 1] evenly, which tames the
    1/t."""
    batch = x0.shape[0]
    offsets = torch.arange(batch) / batch
    uniform = (torch.rand(batch, generator=generator) / batch + offsets) % 1
    t = (1 - SMALLEST_TIME) * uniform + SMALLEST_TIME
    chance = (1 - SCHEDULE_EPSILON) * t
    masked = torch.rand(x0.shape, generator=generator) < chance[:, None]
    rows = masked.flatten().nonzero().squeeze(-1)
    return Noised(
        xt=torch.where(masked, mask_id, x0),
        rows=rows,
        targets=x0.flatten()[rows],
        weight=(1 / t)[:, None].expand(x0.shape).flatten()[rows],
    )


def negative_elbo(logits: Logits, noised: Noised, mask_id: int) -> Tensor:
    """Nats per token of the batch, a scalar: an unbiased estimate of the bound on -log p(x0) / L.

    The network gets sigma 0: what is trained here is not time-conditioned.
    """
    sigma = torch.zeros(noised.xt.shape[0], device=noised.xt.device)
    rows = logits(noised.xt, sigma, noised.rows).float()
    barred = torch.zeros(rows.shape[-1], device=rows.device)
    barred[mask_id] = NEGATIVE_INFINITY
    losses = F.cross_entropy(rows + barred, noised.targets, reduction="none")
    return (losses * noised.weight).sum() / noised.xt.numel()
