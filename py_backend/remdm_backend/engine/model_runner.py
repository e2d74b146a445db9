"""This module runs batches on the network; no other module of the engine touches PyTorch.

The device thread imports it late: importing PyTorch takes seconds, during which the process must
already answer pings and notice that its parent is gone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remdm_backend.engine import row_results
from remdm_backend.engine.caches import CacheStore
from remdm_backend.engine.models import Outputs
from remdm_backend.engine.row_results import Answer, Rows, Values
from remdm_backend.engine.scheduler import Batch
from remdm_backend.errors import BackendError, NoRoomError
from remdm_backend.host.allocator import kept_memory
from remdm_backend.host.free_memory import free_memory
from remdm_backend.model.adjustment import Adjustment, Guidance
from remdm_backend.model.block_prefixes import Blocks
from remdm_backend.model.memory import COPIES, HIDDEN_STATES, out_of_memory
from remdm_backend.model.network import LOGITS_AT_ONCE
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.trunk_cache import TrunkCache
from remdm_backend.wire.protocol import forwards_of, width_of

if TYPE_CHECKING:
    from remdm_backend.engine.models import Network
    from remdm_backend.model.card import ModelCard
    from remdm_backend.model.top_rows import TopRows

T = TypeVar("T")


@runtime_checkable
class MixesLengths(Outputs[Tokens], Protocol):
    """A network that takes sequences of different lengths in one forward, if it says so."""

    @property
    def mixes_lengths(self) -> bool: ...


class ModelRunner:
    """Runs batches on ``network``, with the caches of all clients.

    ``budget``: bytes for them; by default a quarter of what is free now.
    """

    def __init__(self, network: Network, budget: int | None = None) -> None:
        self._network = network
        self._mixing: MixesLengths | None = None
        if isinstance(network, MixesLengths) and network.mixes_lengths:
            self._mixing = network
        room = free_memory(network.device) // 4 if budget is None else budget
        self.caches: CacheStore[TrunkCache] = CacheStore(room, partial(TrunkCache, room))

    @property
    def mixes_lengths(self) -> bool:
        """Whether a batch may have sequences of different lengths."""
        return self._mixing is not None

    def __call__(self, batch: Batch) -> Answer:
        """The rows that were asked for, in main memory. Raises what the network raises."""
        try:
            return self._forward(batch, self._cache_of(batch))
        except BackendError as error:
            if error.code != "out_of_memory":
                raise
            freed = self.caches.clear()
            # With a cache it may have asked for more than the answer needs.
            if not freed and batch.cache is None:
                raise
        finally:
            self.caches.trim()
        # Without what the caches held; outside the handler, which keeps the failed call's tensors.
        return self._forward(batch, None)

    def _cache_of(self, batch: Batch) -> TrunkCache | None:
        return None if batch.cache is None else self.caches.entry(batch.cache)

    def _check_room(self, batch: Batch, cache: TrunkCache | None) -> None:
        """Refuse what does not fit. On a CPU nothing fails: Linux promises more memory than it has,
        and kills the process that uses it."""
        if self._network.device.type != "cpu":
            return
        held = 0 if cache is None else cache.nbytes
        needed = bytes_needed(batch, self._network.card, held)
        if needed > free_memory(self._network.device) + kept_memory():
            raise NoRoomError(out_of_memory(batch.tokens.shape, len(batch.rows)))

    def _forward(self, batch: Batch, cache: TrunkCache | None) -> Answer:
        self._check_room(batch, cache)
        tokens = torch.from_numpy(batch.tokens)
        if batch.lengths is None:
            return self._ask(self._network, tokens, batch, cache)
        assert self._mixing is not None
        return self._ask(self._mixing, Packed(tokens, batch.lengths), batch, cache)

    def _ask(
        self, network: Outputs[T], tokens: T, batch: Batch, cache: TrunkCache | None
    ) -> Answer:
        sigma = torch.from_numpy(batch.sigma)
        rows = torch.from_numpy(batch.rows)
        if batch.banned is not None or batch.guidance is not None:
            network = network.adjusted(_adjustment_of(batch))
        if batch.top is not None:
            mass, temperature, top_k = batch.top
            tops = network.top_rows(
                tokens, sigma, rows, cache, mass=mass, temperature=temperature, top_k=top_k
            )
            return _checked_tops(tops, len(rows))
        values: Tensor
        if batch.output == "logits":
            values = network.logits(tokens, sigma, rows, cache)
        elif batch.output == "logprobs":
            values = network.log_probs(tokens, sigma, rows, cache)
        else:
            given = None if batch.given is None else torch.from_numpy(batch.given)
            names = batch.statistics
            values = network.statistics(tokens, sigma, rows, cache, names=names, given=given)
        expected = (len(rows), width_of(batch, self._network.card.vocab_size))
        known = values.dtype == torch.float32 or batch.output == "logits"
        if tuple(values.shape) != expected or not known:
            # Splitting it all the same would give one client's rows to another.
            raise RuntimeError(f"the network gave {values.dtype} {tuple(values.shape)}")
        return Rows(_array(values))


def _adjustment_of(batch: Batch) -> Adjustment:
    banned, guidance = batch.banned, batch.guidance
    return Adjustment(
        None if guidance is None else Guidance(guidance.scale, torch.from_numpy(guidance.masked)),
        None if banned is None else torch.from_numpy(banned),
    )


def bytes_needed(batch: Batch, card: ModelCard, held: int = 0) -> int:
    """Estimate from above the main memory that ``batch`` takes beside the weights, in bytes.

    ``held`` by the call's cache already: the keys and values of a network of blocks are there.
    """
    rows, wide = len(batch.rows), 4 * card.vocab_size
    forwards = forwards_of(batch)
    at_once, kept = batch.tokens.size, 0
    if card.block_length is not None:
        blocks = Blocks(card.block_length, card.length)
        lengths = batch.lengths or (batch.tokens.shape[1],) * len(batch.tokens)
        at_once = sum(min(length, blocks.chunk) for length in lengths)
        kept = sum(min(length, blocks.room) for length in lengths) * forwards
    keys_and_values = max(0, 4 * 2 * card.n_blocks * card.hidden_size * kept - held)
    hidden = 4 * HIDDEN_STATES * card.hidden_size * at_once * forwards + keys_and_values
    portion = COPIES * min(rows * wide, 4 * LOGITS_AT_ONCE) * forwards
    if batch.output == "logits" and batch.top is None:
        return hidden + 2 * rows * wide + (portion if forwards > 1 else 0)
    width = width_of(batch, card.vocab_size)
    if batch.top is not None:
        # A nucleus has few tokens, each with its id; how few, nobody knows before. Neither does
        # anybody know how many equal the last of top-k, but these are few in a trained network.
        width = min(card.vocab_size // 2, 2 * (batch.top.top_k or card.vocab_size))
    return hidden + portion + 4 * rows * width


def _checked_tops(tops: TopRows, rows: int) -> row_results.TopRows:
    counts, ids, logits, rest, log_mass = (part.cpu() for part in tops)
    if not (
        len(counts) == len(rest) == len(log_mass) == rows
        and counts.sum() == len(ids) == len(logits)
    ):
        raise RuntimeError(f"the network gave {len(ids)} tokens for {rows} rows")
    return row_results.TopRows(
        counts.numpy(), ids.numpy(), _array(logits), rest.numpy(), log_mass.numpy()
    )


def _array(values: Tensor) -> Values:
    """``values`` in main memory, of bfloat16 its bits; on the CPU the same memory."""
    if values.dtype == torch.float32:
        widest: NDArray[np.float32] = values.cpu().numpy()
        return widest
    if values.dtype == torch.bfloat16:
        bits: NDArray[np.uint16] = values.cpu().view(torch.uint16).numpy()
        return bits
    raise RuntimeError(f"the network gave {values.dtype}")
