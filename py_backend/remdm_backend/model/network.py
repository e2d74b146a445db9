"""A loaded network: what the engine calls, and nothing of the sampler.

Arithmetic in ``bfloat16``. The original runs its blocks and head under CUDA's bfloat16 autocast,
and so does this class, on any device: linear layers and attention take and give bfloat16; the
residual stream, the embedding, LayerNorm (statistics and product with its weight), the modulation
and the noise-level embedding stay float32. What differs from the original: the weights of linear
layers are rounded to bfloat16 once, at loading, instead of at every call (same values, half the
memory); ``1 + scale`` and the products with the gates are formed in float32; ``log_probs``
normalises in float32, where the original keeps the head's bfloat16, so its probabilities sum to one
only to about 1e-2. ``logits`` returns the head's bfloat16 values, widened.

In ``float32`` everything is plain float32, which the original only does on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.card import ModelCard
from remdm_backend.errors import BackendError
from remdm_backend.model.attention import AttentionName
from remdm_backend.model.dit import DiT
from remdm_backend.model.memory import is_out_of_memory
from remdm_backend.model.subs import subs_log_probs


class Network:
    """``card`` says what it is; ``device``, ``dtype`` and ``attention`` how it runs here."""

    def __init__(
        self,
        card: ModelCard,
        dit: DiT,
        *,
        device: torch.device,
        dtype: torch.dtype,
        attention: AttentionName,
    ) -> None:
        self.card = card
        self.device = device
        self.dtype = dtype
        self.attention: AttentionName = attention
        self._dit = dit.eval().requires_grad_(False)

    def logits(self, tokens: Tensor, sigma: Tensor, rows: Tensor) -> Tensor:
        """The head's raw output on the rows asked for, before any parameterization.

        ``tokens [B, L]`` int64 in [0, vocab_size), L at most ``card.length``; ``sigma [B]``
        float32, the total noise -log(alpha_t), ignored unless the model is time-conditioned; ``rows
        [N]`` int64 flat indices b * L + l, in any order, repeats allowed. Returns ``[N,
        vocab_size]`` float32 on ``device``, an inference tensor: change a clone of it, not itself.
        The ranges are the caller's to check. Raises ``BackendError`` ``out_of_memory``.
        """
        tokens, sigma, rows = (part.to(self.device) for part in (tokens, sigma, rows))
        if rows.numel() == 0:
            return torch.empty(0, self.card.vocab_size, device=self.device)
        if not self.card.time_conditioning:
            sigma = torch.zeros_like(sigma)
        half = self.dtype == torch.bfloat16
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half),
            _memory_errors_for(tokens, rows),
        ):
            logits: Tensor = self._dit(tokens, sigma, rows)
            return logits.float()

    def log_probs(self, tokens: Tensor, sigma: Tensor, rows: Tensor) -> Tensor:
        """log p(x0 | xt) of the rows asked for: ``logits`` after SUBS, same arguments and shape.

        Raises ``BackendError`` ``checkpoint_unsupported`` for a model that is not ``mdlm``.
        """
        if self.card.kind != "mdlm":
            raise BackendError(
                "checkpoint_unsupported",
                f"{self.card.name} is a {self.card.kind} model; log-probabilities of x0 are only "
                "implemented for mdlm.",
                "Ask for its raw logits, or load an mdlm checkpoint.",
            )
        logits = self.logits(tokens, sigma, rows)
        with torch.inference_mode(), _memory_errors_for(tokens, rows):
            at_rows = tokens.to(self.device).flatten()[rows.to(self.device)]
            return subs_log_probs(logits, at_rows, self.card.mask_id)


def half_precision_parameters(dit: DiT) -> frozenset[str]:
    """Names of the parameters that autocast would round: those of every linear layer in its
    reach."""
    return frozenset(
        f"{module_name}.{name}"
        for module_name, module in dit.named_modules()
        if isinstance(module, nn.Linear) and not module_name.startswith("sigma_map.")
        for name, _ in module.named_parameters(recurse=False)
    )


@contextmanager
def _memory_errors_for(tokens: Tensor, rows: Tensor) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        batch, length = tokens.shape
        raise BackendError(
            "out_of_memory",
            f"Not enough memory for a forward pass of {batch} x {length} tokens and "
            f"{rows.numel()} rows of logits.",
            "Use smaller batches, bfloat16, or a device with more memory.",
        ) from error
