"""This module decides which waiting calls run together, and puts their answers apart again.

Calls are pure and independent, so calls that want the same of their rows (output, cut of top rows,
list of statistics, banned tokens, scale of guidance) can share one forward; also calls of different
sequence lengths where the network mixes them. A call with a cache of its own runs alone. A call
that is larger than a batch is cut into pieces between its sequences; every other call is one piece.
The queue is fair between clients.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from remdm_backend.engine.caches import CacheKey
from remdm_backend.engine.row_results import Answer, join
from remdm_backend.wire.judging import Evaluation
from remdm_backend.wire.protocol import (
    Forward,
    Guidance,
    Output,
    StatisticName,
    TopCut,
    forwards_of,
    wanted_of,
    width_of,
)

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Limits:
    """How large a batch may be. One sequence always runs, whatever its rows need."""

    sequences: int = 64
    """A guided one counts twice."""
    tokens: int = 2**31 - 1
    """Of all sequences together, as many as attention kernels can count in int32; fewer once the
    memory was found to be too small, which a long sequence fills sooner than a short one."""
    values: int = 2**28
    """Numbers in the answer, N * V: 1 GiB of float32."""


@dataclass(eq=False)
class Call:
    """A forward call of one client, and what is known of its answer."""

    client: bytes
    request: Forward
    answer: Answer | None = None
    """Once nothing is missing; of a call in one piece, a view into the batch's."""
    parts: list[tuple[int, Answer]] = field(default_factory=list)
    """What finished pieces of a larger call gave, each with the number of its first row."""
    missing: int = 0
    """Pieces that have no result yet."""
    failed: bool = False


@dataclass(eq=False)
class Job:
    """A request to judge, of one client, and once it is done the tensors of its answer."""

    client: bytes
    request: Evaluation
    answer: Sequence[NDArray[Any]] = ()


@dataclass(frozen=True, eq=False)
class Piece:
    """Sequences ``first .. last`` of a call, and the rows that lie in them."""

    call: Call
    first: int
    last: int
    rows: slice
    """Into the call's rows."""

    @property
    def sequences(self) -> int:
        return self.last - self.first

    @property
    def length(self) -> int:
        """Of each of its sequences."""
        return int(self.call.request.tokens.shape[1])

    @property
    def tokens(self) -> int:
        return self.sequences * self.length

    @property
    def forwards(self) -> int:
        """How often each of its sequences is computed."""
        return forwards_of(self.call.request)

    @property
    def row_count(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def halves(self) -> list[Piece]:
        """The same sequences in two pieces (one when there is only one)."""
        middle = self.first + self.sequences // 2
        if middle == self.first:
            return [self]
        return [_piece(self.call, self.first, middle), _piece(self.call, middle, self.last)]


@dataclass(frozen=True, eq=False)
class Batch:
    """One forward: ``tokens [B, L]``, ``sigma [B]``, ``rows [N]``, of some pieces in order.

    Sequences of different ``lengths [B]`` stand one after the other, ``tokens [T]``.
    """

    output: Output
    tokens: NDArray[np.int64]
    sigma: NDArray[np.float32]
    rows: NDArray[np.int64]
    lengths: tuple[int, ...] | None = None
    """Only where they differ."""
    cache: CacheKey | None = None
    top: TopCut | None = None
    statistics: tuple[StatisticName, ...] = ()
    given: NDArray[np.int64] | None = None
    """``[N]``: a token for each row."""
    banned: NDArray[np.int64] | None = None
    guidance: Guidance | None = None


def cut(call: Call, limits: Limits, vocab_size: int) -> list[Piece]:
    """Cut ``call`` into as few pieces within ``limits`` as can be, each of a sequence or more."""
    batch, length = call.request.tokens.shape
    row_count = len(call.request.rows)
    most_rows = limits.values // width_of(call.request, vocab_size)
    most = min(limits.sequences, limits.tokens // length) // forwards_of(call.request)
    if batch == 1 or (batch <= most and row_count <= most_rows):
        return [Piece(call, 0, batch, slice(0, row_count))]
    # [B + 1]: how many rows lie before each sequence, and in all.
    ends = np.searchsorted(call.request.rows, np.arange(batch + 1) * length)
    pieces = []
    first = 0
    while first < batch:
        last = first + 1
        while last < batch and last - first < most and ends[last + 1] - ends[first] <= most_rows:
            last += 1
        pieces.append(_piece(call, first, last))
        first = last
    return pieces


def merge(pieces: Sequence[Piece]) -> Batch:
    """Put the sequences of all ``pieces``, which want the same, under each other; rows count on."""
    tokens, sigma, rows, given, masked = [], [], [], [], []
    above = 0
    for piece in pieces:
        request = piece.call.request
        tokens.append(request.tokens[piece.first : piece.last])
        sigma.append(request.sigma[piece.first : piece.last])
        rows.append(request.rows[piece.rows] + (above - piece.first * piece.length))
        if request.given is not None:
            given.append(request.given[piece.rows])
        if request.guidance is not None:
            places = request.guidance.masked
            begin, end = np.searchsorted(places, np.array([piece.first, piece.last]) * piece.length)
            masked.append(places[begin:end] + (above - piece.first * piece.length))
        above += piece.tokens
    lengths = None
    if len({piece.length for piece in pieces}) > 1:
        tokens = [part.reshape(-1) for part in tokens]
        lengths = tuple(piece.length for piece in pieces for _ in range(piece.sequences))
    call = pieces[0].call
    name = call.request.cache
    return Batch(
        call.request.output,
        _under_each_other(tokens),
        _under_each_other(sigma),
        _under_each_other(rows),
        lengths,
        cache=None if name is None else (call.client, name, pieces[0].first),
        top=call.request.top,
        statistics=call.request.statistics,
        given=_under_each_other(given) if given else None,
        banned=call.request.banned,
        guidance=(
            None
            if call.request.guidance is None
            else Guidance(call.request.guidance.scale, _under_each_other(masked))
        ),
    )


def split(pieces: Sequence[Piece], answer: Answer) -> Iterator[Call]:
    """Give each piece its rows of ``answer``; yields the calls that are now complete."""
    start = 0
    for piece in pieces:
        call, part = piece.call, answer.part(slice(start, start + piece.row_count))
        start += piece.row_count
        call.parts.append((piece.rows.start, part))
        call.missing -= 1
        if call.missing == 0:
            call.answer = _joined(call)
            yield call


def _joined(call: Call) -> Answer:
    """The parts of a complete call, in the order of its rows."""
    call.parts.sort(key=lambda numbered: numbered[0])
    # A part without rows need not be of the type of the others.
    parts = [part for _, part in call.parts if len(part) > 0] or [call.parts[0][1]]
    call.parts.clear()
    return join(parts)


@dataclass
class FairQueue:
    """Pieces in order of arrival for each client, and the clients in turn.

    The client at the head of the line decides what the next batch is (what it wants; L unless
    ``mixes_lengths``) and always gets its piece in; the others follow in turn as long as theirs
    fit. A client that was served goes to the end of the line, so a client waits for at most as many
    batches as there are other clients.
    """

    mixes_lengths: bool = False
    """Whether the network computes sequences of different lengths in one forward."""
    _line: OrderedDict[bytes, deque[Piece]] = field(default_factory=OrderedDict)

    def __bool__(self) -> bool:
        return bool(self._line)

    def add(self, pieces: Sequence[Piece]) -> None:
        """Append the pieces of one call."""
        self._line.setdefault(pieces[0].call.client, deque()).extend(pieces)

    def take(self, limits: Limits, vocab_size: int) -> list[Piece]:
        """The next batch, at least one piece; call it only when something waits."""
        chosen: list[Piece] = []
        served = True
        while served:
            served = False
            for client in list(self._line):
                piece = self._line[client][0]
                if chosen and not self._fits(piece, chosen, limits, vocab_size):
                    continue
                chosen.append(piece)
                served = True
                self._line[client].popleft()
                if self._line[client]:
                    self._line.move_to_end(client)
                else:
                    del self._line[client]
        # Equal lengths beside each other: attention without a kernel for all takes them at once.
        return sorted(chosen, key=lambda piece: piece.length)

    def _fits(self, piece: Piece, chosen: Sequence[Piece], limits: Limits, vocab_size: int) -> bool:
        request, head = piece.call.request, chosen[0].call.request
        together = [*chosen, piece]
        rows = sum(each.row_count for each in together)
        return (
            wanted_of(request) == wanted_of(head)
            and request.cache is None
            and head.cache is None
            and (self.mixes_lengths or piece.length == chosen[0].length)
            and sum(each.forwards * each.sequences for each in together) <= limits.sequences
            and sum(each.forwards * each.tokens for each in together) <= limits.tokens
            and rows * width_of(head, vocab_size) <= limits.values
        )


def _under_each_other(parts: Sequence[NDArray[T]]) -> NDArray[T]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _piece(call: Call, first: int, last: int) -> Piece:
    length = call.request.tokens.shape[1]
    start, stop = np.searchsorted(call.request.rows, (first * length, last * length))
    return Piece(call, first, last, slice(int(start), int(stop)))
