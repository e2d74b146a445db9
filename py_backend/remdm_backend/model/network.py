"""A loaded network: what the engine calls, and nothing of the sampler.

Arithmetic in ``bfloat16``. The original runs its blocks and head under CUDA's bfloat16 autocast,
and so does this class, on any device: linear layers and attention take and give bfloat16; the
residual stream, the embedding, LayerNorm (statistics and product with its weight), the modulation
and the noise-level embedding stay float32. What differs from the original: the weights of linear
layers are rounded to bfloat16 once, at loading, instead of at every call (same values, half the
memory); a CPU without such instructions computes the same in float32 (``linear.py``); ``1 + scale``
and the products with the gates are formed in float32; ``log_probs`` normalises in float32, where
the original keeps the head's bfloat16, so its probabilities sum to one only to about 1e-2.
``logits`` and ``top_rows`` return the head's own bfloat16 values; guided ones are float32.

In ``float32`` everything is plain float32, which the original only does on a CPU.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from remdm_backend.model.adjustment import Adjustment, Guidance, guided, with_unconditional
from remdm_backend.model.attention import AttentionName
from remdm_backend.model.backbone import Backbone, CausalBackbone
from remdm_backend.model.card import ModelCard
from remdm_backend.model.linear import Linear
from remdm_backend.model.memory import is_out_of_memory, out_of_memory
from remdm_backend.model.packing import Packed, Tokens, flat, sequence_of
from remdm_backend.model.parameterization import (
    d3pm_log_probs,
    next_log_probs,
    sedd_log_scores,
    subs_log_probs,
)
from remdm_backend.model.statistics import StatisticName, row_statistics
from remdm_backend.model.top_rows import TopRows, top_rows
from remdm_backend.model.trunk_cache import TrunkCache

LOGITS_AT_ONCE = 2**24
"""Logits that are reduced or normalised at a time: 64 MiB, of which some copies are needed."""

LOGITS_WITHOUT_COPIES = 2**26
"""Logits that are computed at a time on a CPU where nothing copies them. A matrix product begins by
rearranging the head's weights: four portions of 333 rows take 15% longer than 1,024 rows at once,
measured with 50,258 columns of 768 on 2 cores."""

LEAST_ROOM = 64
"""Positions that a new KV cache has room for; it grows by doubling."""

Logits = Callable[[Tensor], Tensor]
"""Rows ``[N]`` to logits ``[N, V]`` in the head's own type, of one computed trunk."""


B = TypeVar("B", bound=nn.Module, covariant=True)


class Network(ABC, Generic[B]):
    """``card`` says what it is; ``device``, ``dtype`` and ``attention`` how it runs here.

    The arguments of every call: ``tokens [B, L]`` int64 in [0, vocab_size), L at most
    ``card.length``, or packed, where the network ``mixes_lengths``; ``sigma [B]`` float32, the
    total noise -log(alpha_t), ignored unless the model is time-conditioned; ``rows [N]`` int64 flat
    indices into the tokens (b * L + l), in any order, repeats allowed; ``cache`` spares what it
    knows already and keeps what is new, except about packed tokens. The ranges are the caller's to
    check. Every call raises ``BackendError`` ``out_of_memory``. What it returns is on ``device``,
    float32 unless it says otherwise, an inference tensor: change a clone of it, not itself.
    """

    def __init__(
        self,
        card: ModelCard,
        backbone: B,
        *,
        device: torch.device,
        dtype: torch.dtype,
        attention: AttentionName,
    ) -> None:
        self._backbone = backbone.eval().requires_grad_(False)
        self.card = card
        self.device = device
        self.dtype = dtype
        self.attention: AttentionName = attention
        self._adjustment = Adjustment()

    @property
    def backbone(self) -> B:
        """The network's modules, with their weights."""
        return self._backbone

    @property
    def mixes_lengths(self) -> bool:
        """Whether it takes packed tokens."""
        return False

    def adjusted(self, adjustment: Adjustment) -> Network[B]:
        """Return the same network, which changes every row before it makes anything of it.

        ``adjustment`` is about the tokens of one call. Guidance is for masked networks alone.
        """
        changed = copy.copy(self)
        changed._adjustment = adjustment
        return changed

    def logits(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        """Return the head's raw output ``[N, vocab_size]``, before any parameterization.

        It is float32, or bfloat16 where the head computes in it and nothing guides.
        """
        with self._reading(tokens, sigma, rows, cache) as (logits, _, _, asked):
            if self._adjustment.guidance is None:
                return logits(asked)
            return self._in_portions(
                lambda part: logits(asked[part]), len(asked), self.card.vocab_size
            )

    def top_rows(
        self,
        tokens: Tokens,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None = None,
        *,
        mass: float | None,
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> TopRows:
        """Return of each row of the same logits what a draw can take, as ``top_rows`` does."""
        with self._reading(tokens, sigma, rows, cache) as (logits, _, _, asked):
            mask_id = self.card.mask_id
            size = self._portion
            portions = (asked[i : i + size] for i in range(0, max(1, len(asked)), size))
            cut = (mass, temperature, top_k)
            tops = [top_rows(logits(part), mask_id, *cut) for part in portions]
            return TopRows(*(torch.cat(column) for column in zip(*tops, strict=True)))

    def log_probs(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        """Return what the original's ``forward`` gives, ``[N, vocab_size]``: log p(x0 | xt), log
        scores for ``sedd``, log p(next token) for ``ar``."""
        with self._reading(tokens, sigma, rows, cache) as (logits, tokens, sigma, asked):
            card = self.card

            def parameterized(part: slice) -> Tensor:
                rows = asked[part]
                raw = logits(rows).float()
                if card.kind == "ar":
                    return next_log_probs(raw, card.mask_id)
                if card.kind == "d3pm":
                    masking = card.subs_masking
                    return d3pm_log_probs(raw, card.mask_id, subs_masking=masking)
                at_rows = flat(tokens)[rows]
                if card.kind == "sedd":
                    return sedd_log_scores(raw, at_rows, sigma[sequence_of(tokens, rows)])
                return subs_log_probs(raw, at_rows, card.mask_id)

            return self._in_portions(parameterized, len(asked), card.vocab_size)

    def statistics(
        self,
        tokens: Tokens,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None = None,
        *,
        names: Sequence[StatisticName],
        given: Tensor | None = None,
    ) -> Tensor:
        """Reduce each row of the same logits to ``[N, k]`` float32, as ``row_statistics`` does;
        ``given [N]`` int64 in [0, vocab_size)."""
        with self._reading(tokens, sigma, rows, cache) as (logits, _, _, asked):
            mask_id = self.card.mask_id
            named = None if given is None else given.to(self.device)

            def reduced(part: slice) -> Tensor:
                tokens_named = None if named is None else named[part]
                return row_statistics(logits(asked[part]), mask_id, names, tokens_named)

            # On a CPU a few rows at a time are copied; guidance makes copies of all.
            copies = self.device.type != "cpu" or self._adjustment.guidance is not None
            most = LOGITS_AT_ONCE if copies else LOGITS_WITHOUT_COPIES
            return self._in_portions(reduced, len(asked), len(names), most)

    def _in_portions(
        self,
        values: Callable[[slice], Tensor],
        count: int,
        width: int,
        most: int | None = None,
    ) -> Tensor:
        """Join ``values [N, width]`` of ``count`` rows, computed ``most`` logits at a time, so
        that what is needed on the way stays small."""
        portion = self._portion if most is None else max(1, most // self.card.vocab_size)
        if count <= portion:
            return values(slice(0, count))
        answer = torch.empty(count, width, device=self.device)
        for begin in range(0, count, portion):
            part = slice(begin, min(count, begin + portion))
            answer[part] = values(part)
        return answer

    @property
    def _portion(self) -> int:
        """Rows that are reduced or normalised at a time."""
        return max(1, LOGITS_AT_ONCE // self.card.vocab_size)

    def _read_adjusted(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Logits:
        """Do as ``_read`` does, of the changed rows."""
        guidance, banned = self._adjustment.guidance, self._adjustment.banned
        raw = (
            self._read(tokens, sigma, rows, cache)
            if guidance is None
            else self._read_guided(guidance, tokens, sigma, rows, cache)
        )
        if banned is None:
            return raw
        columns = banned.to(self.device)
        return lambda asked: raw(asked).index_fill_(-1, columns, -torch.inf)

    def _read_guided(
        self,
        guidance: Guidance,
        tokens: Tokens,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None,
    ) -> Logits:
        """Read both forwards in one batch of twice the sequences, which a cache keeps as one."""
        if len(guidance.masked) == 0:  # both forwards are one
            alone = self._read(tokens, sigma, rows, cache)
            return lambda asked: alone(asked).float()
        apart = flat(tokens).numel()
        both = with_unconditional(tokens, guidance.masked.to(self.device), self.card.mask_id)
        read = self._read(both, torch.cat((sigma, sigma)), torch.cat((rows, rows + apart)), cache)
        return lambda asked: guided(read(asked), read(asked + apart), guidance.scale)

    @abstractmethod
    def _read(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Logits:
        """Compute the trunk as far as ``rows``, at least one, need it."""

    @contextmanager
    def _reading(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Iterator[tuple[Logits, Tokens, Tensor, Tensor]]:
        """The arguments on the device, and the rows to ask for; no gradients, autocast if need
        be."""
        if isinstance(tokens, Packed) and not self.mixes_lengths:
            raise ValueError("this network takes sequences of one length only")
        tokens = tokens.to(self.device)
        sigma, rows = sigma.to(self.device), rows.to(self.device)
        if not self.card.time_conditioning:
            sigma = torch.zeros_like(sigma)
        half = self.dtype == torch.bfloat16
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half),
            _memory_errors_for(tokens, rows),
        ):
            if rows.numel() == 0:
                nothing = torch.empty(0, self.card.vocab_size, device=self.device)
                yield lambda asked: nothing, tokens, sigma, rows
            else:
                yield self._read_adjusted(tokens, sigma, rows, cache), tokens, sigma, rows


class MaskedNetwork(Network[Backbone]):
    """A bidirectional network: ``mdlm``, ``sedd`` and ``d3pm``."""

    @property
    def mixes_lengths(self) -> bool:
        return self._backbone.mixes_lengths

    def _read(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Logits:
        if not self.card.time_conditioning:
            sigma = sigma[:1]  # the same for all, which the backbone can take advantage of
        if cache is None or isinstance(tokens, Packed):
            states = self._backbone.trunk(tokens, sigma)
        else:
            known = cache.states(tokens, sigma)
            if known is None:
                cache.clear()  # what it held is not needed beside what comes in its place
                known = self._backbone.trunk(tokens, sigma)
                cache.keep(tokens, sigma, known)
            states = known
        return lambda asked: self._backbone.head(states, asked)


class CausalNetwork(Network[CausalBackbone]):
    """``ar``. With a cache, only what follows the prefix that it knows is computed."""

    def _read(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Logits:
        assert not isinstance(tokens, Packed)
        batch, length = tokens.shape
        first, last = (int(position) for position in (rows % length).aminmax())
        needed = last + 1  # what follows the last row changes nothing in it
        begin, known = 0, None
        if cache is not None:
            begin, known = cache.prefix(tokens[:, :needed])
            cache.clear()  # should what follows fail half-way
        # Hidden states are not kept, so whatever is asked for is computed again.
        begin = min(begin, first)
        if known is None:
            room = needed if cache is None else min(self.card.length, max(LEAST_ROOM, needed))
            like = torch.empty(0, device=self.device, dtype=self.dtype)
            begin, known = 0, self._backbone.keys_and_values(batch, room, like)
        elif known.room < needed:
            known.grow(min(self.card.length, max(2 * known.room, needed)), begin)
        hidden = self._backbone.extend(tokens[:, begin:needed], begin, known)
        if cache is not None:
            cache.keep_prefix(tokens[:, :needed], known)

        def logits(asked: Tensor) -> Tensor:
            sample = torch.div(asked, length, rounding_mode="floor")
            return self._backbone.head(hidden[sample, asked % length - begin])

        return logits


def half_precision_layers(backbone: nn.Module) -> dict[str, Linear]:
    """Return by name the linear layers that take and give bfloat16: all except ``sigma_map``'s."""
    return {name: module for name, module in backbone.named_modules() if isinstance(module, Linear)}


@contextmanager
def _memory_errors_for(tokens: Tokens, rows: Tensor) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        shape = tokens.tokens.shape if isinstance(tokens, Packed) else tokens.shape
        raise out_of_memory(shape, rows.numel()) from error
