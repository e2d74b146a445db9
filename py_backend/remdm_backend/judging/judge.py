"""A judge is a causal language model: what it makes of texts, and what it expects to follow.

Texts of a batch are padded on the right. That is harmless: no position sees what follows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from remdm_backend.errors import BackendError, NoRoomError
from remdm_backend.host.allocator import kept_memory
from remdm_backend.host.free_memory import free_memory
from remdm_backend.model.attention import AttentionName
from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.card import ModelCard
from remdm_backend.model.memory import COPIES, HIDDEN_STATES, is_out_of_memory
from remdm_backend.model.network import LOGITS_AT_ONCE
from remdm_backend.model.parameterization import next_log_probs


class Judge(ABC):
    """``card`` says what it is, ``length`` is its context; ``device``, ``dtype`` and ``attention``
    how it runs here. Every call belongs into ``at_work``."""

    def __init__(
        self, card: ModelCard, *, device: torch.device, dtype: torch.dtype, attention: AttentionName
    ) -> None:
        self.card = card
        self.device = device
        self.dtype = dtype
        self.attention: AttentionName = attention

    @abstractmethod
    def states(self, tokens: Tensor) -> Tensor:
        """The last hidden states, after the final norm, ``[B, L, H]`` of ``tokens [B, L]`` int64 on
        ``device``; L is at most ``card.length``."""

    @abstractmethod
    def next_log_probs(self, states: Tensor) -> Tensor:
        """log p(next token) ``[N, V]`` float32 after each of ``states [N, H]``."""

    @property
    def vectors_at_work(self) -> int:
        """Of the hidden size, that a token has in memory at most."""
        return HIDDEN_STATES

    @property
    def portion(self) -> int:
        """How many positions' ``next_log_probs`` are looked at at a time, to keep them small."""
        return max(1, LOGITS_AT_ONCE // self.card.vocab_size)

    @contextmanager
    def at_work(self, batch: int, length: int) -> Iterator[None]:
        """Compute without gradients. Raises ``BackendError`` ``out_of_memory``.

        On a CPU it is raised before anything is computed, because there nothing fails: Linux kills
        a process that uses more than there is.
        """
        failure = BackendError(
            "out_of_memory",
            f"Not enough memory to judge {batch} texts of {length} tokens at a time.",
            "Use a smaller batchSize or maxLength, or a device with more memory.",
        )
        if self.device.type == "cpu":
            room = free_memory(self.device) + kept_memory()
            if self._bytes_needed(batch * length) > room:
                raise NoRoomError(failure)
        try:
            with torch.inference_mode():
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise failure from error

    def _bytes_needed(self, tokens: int) -> int:
        """At most, beside the weights: hidden states and logits."""
        hidden = 4 * self.card.hidden_size * self.vectors_at_work * tokens
        return hidden + COPIES * 4 * min(tokens, self.portion) * self.card.vocab_size


class AutoregressiveJudge(Judge):
    """The autoregressive baseline, ours or the original's. It never expects the mask, as in
    ``AR.forward`` of the original."""

    def __init__(
        self,
        card: ModelCard,
        backbone: Autoregressive,
        *,
        device: torch.device,
        dtype: torch.dtype,
        attention: AttentionName,
    ) -> None:
        super().__init__(card, device=device, dtype=dtype, attention=attention)
        self._backbone = backbone

    @property
    def vectors_at_work(self) -> int:
        """The keys and values of every block among them."""
        return HIDDEN_STATES + 2 * self.card.n_blocks

    def states(self, tokens: Tensor) -> Tensor:
        like = torch.empty(0, device=self.device, dtype=self.dtype)
        with self._autocast():
            batch, length = tokens.shape
            known = self._backbone.keys_and_values(batch, length, like)
            hidden = self._backbone.extend(tokens, 0, known)
            states: Tensor = self._backbone.output_layer.norm_final(hidden)
        return states

    def next_log_probs(self, states: Tensor) -> Tensor:
        with self._autocast():
            logits: Tensor = self._backbone.output_layer.linear(states)
        return next_log_probs(logits.float(), self.card.mask_id)

    def _autocast(self) -> torch.autocast:
        half = self.dtype == torch.bfloat16
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)


class TransformersJudge(Judge):
    """A causal language model of transformers: ``body`` gives ``last_hidden_state``, ``projection``
    makes logits of it. Everything is computed in the type of the weights."""

    def __init__(
        self,
        card: ModelCard,
        body: nn.Module,
        projection: nn.Module,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(card, device=device, dtype=dtype, attention="sdpa")
        self._body = body
        self._projection = projection

    def states(self, tokens: Tensor) -> Tensor:
        return last_states(self._body, tokens)

    def next_log_probs(self, states: Tensor) -> Tensor:
        logits: Tensor = self._projection(states)
        return logits.float().log_softmax(dim=-1)


def last_states(body: nn.Module, tokens: Tensor) -> Tensor:
    """Return ``[B, L, H]`` of ``tokens [B, L]``, none of them padding as far as ``body`` knows."""
    states: Tensor = body(
        input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False
    ).last_hidden_state
    return states
