"""The only module of the engine that touches PyTorch; imported late, by the device thread.

Importing PyTorch takes seconds, during which the process must already answer pings and notice that
its parent is gone.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remdm_backend import answers
from remdm_backend.allocator import kept_memory
from remdm_backend.answers import Answer, Rows, Values
from remdm_backend.batching import Batch
from remdm_backend.best_device import best_device
from remdm_backend.caches import CacheStore
from remdm_backend.errors import BackendError, NoRoomError
from remdm_backend.free_memory import free_memory
from remdm_backend.model.memory import out_of_memory
from remdm_backend.model.network import LOGITS_AT_ONCE
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.trunk_cache import TrunkCache
from remdm_backend.models import Outputs
from remdm_backend.protocol import width_of

if TYPE_CHECKING:
    from remdm_backend.model.top_rows import TopRows
    from remdm_backend.models import Card, Network

T = TypeVar("T")

NICER = 5
"""A third of the weight beside the other threads, which are gone again in microseconds. Twice that
would answer no sooner in most calls, and leave a forward little beside a program that computes."""

HIDDEN_STATES = 16
"""Vectors of the hidden size that a token has in a block at most: four times two in the MLP, three
in attention, the rest in between."""

COPIES = 8
"""Of the logits that are reduced or normalised at a time; some are float64."""


@runtime_checkable
class MixesLengths(Outputs[Tokens], Protocol):
    """A network that takes sequences of different lengths in one forward, if it says so."""

    @property
    def mixes_lengths(self) -> bool: ...


class Evaluator:
    """Runs batches on ``network``, with the caches of all clients.

    ``budget``: bytes for them; by default a quarter of what is free now.
    """

    def __init__(self, network: Network, budget: int | None = None) -> None:
        self._network = network
        self._mixing: MixesLengths | None = None
        if isinstance(network, MixesLengths) and network.mixes_lengths:
            self._mixing = network
        room = free_memory(network.device) // 4 if budget is None else budget
        self.caches: CacheStore[TrunkCache] = CacheStore(room, TrunkCache)

    @property
    def mixes_lengths(self) -> bool:
        """Whether a batch may have sequences of different lengths."""
        return self._mixing is not None

    def __call__(self, batch: Batch) -> Answer:
        """The rows that were asked for, in main memory. Raises what the network raises."""
        try:
            return self._evaluate(batch, self._cache_of(batch))
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
        return self._evaluate(batch, None)

    def _cache_of(self, batch: Batch) -> TrunkCache | None:
        return None if batch.cache is None else self.caches.entry(batch.cache)

    def _check_room(self, batch: Batch) -> None:
        """On a CPU nothing fails: Linux promises more memory than it has, and kills who uses it."""
        if self._network.device.type != "cpu":
            return
        needed = bytes_needed(batch, self._network.card)
        if needed > free_memory(self._network.device) + kept_memory():
            raise NoRoomError(out_of_memory(batch.tokens.shape, len(batch.rows)))

    def _evaluate(self, batch: Batch, cache: TrunkCache | None) -> Answer:
        self._check_room(batch)
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
        if batch.top_mass is not None:
            tops = network.top_rows(tokens, sigma, rows, cache, mass=batch.top_mass)
            return _checked_tops(tops, len(rows))
        functions = {
            "logits": network.logits,
            "logprobs": network.log_probs,
            "masses": network.masses,
        }
        values = functions[batch.output](tokens, sigma, rows, cache)
        expected = (len(rows), width_of(batch.output, self._network.card.vocab_size))
        known = values.dtype == torch.float32 or batch.output == "logits"
        if tuple(values.shape) != expected or not known:
            # Splitting it all the same would give one client's rows to another.
            raise RuntimeError(f"the network gave {values.dtype} {tuple(values.shape)}")
        return Rows(_array(values))


def bytes_needed(batch: Batch, card: Card) -> int:
    """At most, in main memory, beside the weights."""
    rows, wide = len(batch.rows), 4 * card.vocab_size
    hidden = 4 * HIDDEN_STATES * card.hidden_size * batch.tokens.size
    if batch.output == "logits" and batch.top_mass is None:
        return hidden + 2 * rows * wide
    portion = COPIES * min(rows * wide, 4 * LOGITS_AT_ONCE)
    # Of top rows a nucleus has few tokens, each with its id; how few, nobody knows before.
    width = card.vocab_size // 2 if batch.top_mass else width_of(batch.output, card.vocab_size)
    return hidden + portion + 4 * rows * width


def _checked_tops(tops: TopRows, rows: int) -> answers.TopRows:
    counts, ids, logits, rest = (part.cpu() for part in tops)
    if not (len(counts) == len(rest) == rows and counts.sum() == len(ids) == len(logits)):
        raise RuntimeError(f"the network gave {len(ids)} tokens for {rows} rows")
    return answers.TopRows(counts.numpy(), ids.numpy(), _array(logits), rest.numpy())


def _array(values: Tensor) -> Values:
    """``values`` in main memory, of bfloat16 its bits; on the CPU the same memory."""
    if values.dtype == torch.float32:
        widest: NDArray[np.float32] = values.cpu().numpy()
        return widest
    if values.dtype == torch.bfloat16:
        bits: NDArray[np.uint16] = values.cpu().view(torch.uint16).numpy()
        return bits
    raise RuntimeError(f"the network gave {values.dtype}")


def limit_threads(requested: int | None) -> None:
    """Set how many threads the calling thread computes with; by default, those we may really use.

    PyTorch counts the machine's cores, also where a container or an affinity mask allows fewer, and
    is then many times slower than with the right number.
    """
    torch.set_num_threads(requested or min(torch.get_num_threads(), available_cores()))


def give_way(device: str) -> None:
    """Let the threads that answer clients go before those that compute, should ``device`` (auto,
    cpu, cuda, cuda:N, mps) be the CPU. For the thread that computes, before its first computation:
    PyTorch's own threads inherit it.

    As equals they wait for a slice of some milliseconds to end, each time a message goes from one
    of them to the next. Beside a GPU this thread only hands out work, and must not wait.
    """
    on_cpu = device == "cpu" or (device == "auto" and best_device().type == "cpu")
    if on_cpu and sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICER
        os.setpriority(os.PRIO_PROCESS, thread, niceness)  # the kernel takes 19 for more


def available_cores() -> int:
    """Cores that the affinity mask and the control group leave to this process, at least 1."""
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(affinity, int(_cgroup_cores(Path("/sys/fs/cgroup/cpu.max")))))


def _cgroup_cores(limit_file: Path) -> float:
    """The quota of a version 2 control group, in cores; a great many when there is none."""
    try:
        quota, period = limit_file.read_text(encoding="ascii").split()
        return float(quota) / float(period)
    except (OSError, ValueError):
        # No such group, or "max": not limited.
        return 1e6
