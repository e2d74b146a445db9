"""This module has what the trainer minimises, for each family, in nats per token.

``mdlm`` and ``sedd`` share the noise of the log-linear schedule: each token is masked with
probability (1 - 1e-3) t. Revealed positions cost nothing, so the head runs on masked rows only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.card import Kind
from remdm_backend.model.dit import DiT, Shape
from remdm_backend.model.parameterization import NEGATIVE_INFINITY, sedd_log_scores

Logits = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``tokens [B, L], sigma [B], rows [N] -> [N, vocab]``: a ``DiT`` or ``Network.logits``."""

SCHEDULE_EPSILON = 1e-3
"""Of the log-linear schedule: at t = 1 a token survives with this probability."""
SMALLEST_TIME = 1e-3


@dataclass(frozen=True)
class Noised:
    """A noised batch: ``xt [B, L]`` at ``sigma [B]``; of its masked positions ``rows [N]``, the
    flat indices, ``targets [N]``, the clean tokens, and ``weight [N]``, 1/t."""

    xt: Tensor
    sigma: Tensor
    rows: Tensor
    targets: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Noised:
        """The same batch on ``device``."""
        parts = (self.xt, self.sigma, self.rows, self.targets, self.weight)
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
        sigma=-torch.log1p(-chance),
        rows=rows,
        targets=x0.flatten()[rows],
        weight=(1 / t)[:, None].expand(x0.shape).flatten()[rows],
    )


def negative_elbo(logits: Logits, noised: Noised, mask_id: int) -> Tensor:
    """The continuous-time SUBS objective (MDLM, arXiv 2406.07524; the original's
    ``_forward_pass_diffusion``): E_t[ 1/t * sum over masked positions of -log p(x0 | xt) ] / L.

    A scalar, an unbiased estimate of the bound on -log p(x0) / L. The network gets sigma 0: what is
    trained here is not time-conditioned.
    """
    rows = logits(noised.xt, torch.zeros_like(noised.sigma), noised.rows).float()
    barred = torch.zeros(rows.shape[-1], device=rows.device)
    barred[mask_id] = NEGATIVE_INFINITY
    losses = F.cross_entropy(rows + barred, noised.targets, reduction="none")
    return (losses * noised.weight).sum() / noised.xt.numel()


def score_entropy(logits: Logits, noised: Noised, mask_id: int) -> Tensor:
    """The denoising score entropy (SEDD, arXiv 2310.16834; the original's ``_score_entropy``),
    which bounds -log p(x0) / L as well.

    With q = 1/(e^sigma - 1), the true ratio for the clean token, a masked position costs
    sigma'(t) (sum of the scores without the mask's - q log score(x0) + q (log q - 1)).
    """
    raw = logits(noised.xt, noised.sigma, noised.rows).float()
    sigma = noised.sigma[noised.rows // noised.xt.shape[1]]
    masks = torch.full_like(noised.targets, mask_id)
    log_scores = sedd_log_scores(raw, masks, sigma)
    of_clean = log_scores.gather(-1, noised.targets[:, None]).squeeze(-1)
    scores = log_scores.index_fill(-1, masks[:1], -torch.inf).exp().sum(-1)
    q = 1 / torch.expm1(sigma)
    losses = scores - q * of_clean + q * (q.log() - 1)
    rate = noised.weight / q  # sigma'(t) = (1 - eps) e^sigma, which is 1 / (t q)
    return (losses * rate).sum() / noised.xt.numel()


def shift(x0: Tensor, end_id: int) -> Noised:
    """What an autoregressive network learns of ``x0 [B, L]``: at every position the token that
    follows.

    Every other sequence has ``end_id`` before its first token, as what is sampled begins; the rest
    begin in the midst of a text, as what is judged does.
    """
    xt, targets = x0.clone(), x0.clone()
    xt[::2, 0], xt[::2, 1:] = end_id, x0[::2, :-1]
    targets[1::2] = x0[1::2].roll(-1, dims=1)
    known = torch.ones_like(x0, dtype=torch.bool)
    known[1::2, -1] = False  # what follows is in no window
    rows = known.flatten().nonzero().squeeze(-1)
    return Noised(
        xt=xt,
        sigma=torch.zeros(len(x0)),
        rows=rows,
        targets=targets.flatten()[rows],
        weight=torch.full(rows.shape, x0.numel() / len(rows)),
    )


@dataclass(frozen=True)
class Objective:
    """A family of models: its network, its loss, and what the loss means. ``loss`` takes what
    ``draw`` made of a batch of windows."""

    kind: Kind
    network: Callable[[Shape], nn.Module]
    draw: Callable[[Tensor, Ends, torch.Generator], Noised]
    loss: Callable[[Logits, Noised, int], Tensor]
    time_conditioning: bool
    meaning: str


@dataclass(frozen=True)
class Ends:
    """The mask, and the token that begins and ends a text."""

    mask_id: int
    end_id: int


def _noise(x0: Tensor, ends: Ends, generator: torch.Generator) -> Noised:
    return noise(x0, ends.mask_id, generator)


def _shift(x0: Tensor, ends: Ends, _generator: torch.Generator) -> Noised:
    return shift(x0, ends.end_id)


_BOUND = "bound on nats per token; fixed noise"

OBJECTIVES: dict[str, Objective] = {
    "mdlm": Objective("mdlm", DiT, _noise, negative_elbo, False, _BOUND),
    "sedd": Objective("sedd", DiT, _noise, score_entropy, True, _BOUND),
    # The same sum, with weights that make it a mean, is -log p itself.
    "ar": Objective("ar", Autoregressive, _shift, negative_elbo, False, "nats per token"),
}
