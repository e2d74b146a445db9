"""The engine is one thread that owns the network, answers forward calls, and judges texts.

It loads the network itself, then takes from the queue whatever can run together: while one batch
runs, the calls for the next gather, and it waits a moment for clients that just got an answer and
are about to ask again (``batch_delay.py``). Results are handed to ``deliver`` on this thread, which
must not block.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from remdm_backend.engine.batch_delay import BatchDelay
from remdm_backend.engine.models import Model, Network
from remdm_backend.engine.row_results import Answer
from remdm_backend.engine.scheduler import (
    Batch,
    Call,
    FairQueue,
    Job,
    Limits,
    Piece,
    cut,
    merge,
    split,
)
from remdm_backend.errors import BackendError, NoRoomError
from remdm_backend.failures import as_backend_error
from remdm_backend.log import log

if TYPE_CHECKING:
    from remdm_backend.engine.model_runner import ModelRunner


@dataclass(frozen=True)
class Loaded:
    model: Model


@dataclass(frozen=True)
class LoadFailed:
    error: BackendError


@dataclass(frozen=True)
class Answered:
    """``call.answer`` holds the rows."""

    call: Call


@dataclass(frozen=True)
class Evaluated:
    """``job.answer`` holds the tensors."""

    job: Job


@dataclass(frozen=True)
class Failed:
    call: Call | Job
    error: BackendError


RunForward: TypeAlias = Callable[[Batch], Answer]
Event: TypeAlias = Loaded | LoadFailed | Answered | Evaluated | Failed


class Engine:
    def __init__(
        self, load: Callable[[], Model], deliver: Callable[[Event], None], limits: Limits
    ) -> None:
        """``load`` and ``deliver`` are called on the device thread, which ``start`` starts."""
        self._load = load
        self._deliver = deliver
        self._limits = limits
        self._vocab_size = 0
        self._runner: ModelRunner | None = None
        self._queue = FairQueue()
        self._jobs: deque[Job] = deque()
        self._batch_was_last = True
        self._delay = BatchDelay()
        self._changed = threading.Condition()
        self._stopping = False
        self._unanswered = 0
        self._running = 0
        # A daemon: a forward cannot be interrupted, and must not hold up the end of the process.
        self._thread = threading.Thread(target=self._main, name="device", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more. The batch that runs goes on; its answers are delivered."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def submit(self, call: Call) -> None:
        """Queue a checked call, once ``Loaded`` was delivered. Exactly one event answers it."""
        pieces = cut(call, self._limits, self._vocab_size)
        call.missing = len(pieces)
        with self._changed:
            self._unanswered += 1
            self._delay.asked(call.client, time.monotonic())
            self._queue.add(pieces)
            self._changed.notify()

    def submit_job(self, job: Job) -> None:
        """Queue a checked judgement, as ``submit`` does a call. Jobs run in order of arrival, in
        turns with batches."""
        with self._changed:
            self._unanswered += 1
            self._jobs.append(job)
            self._changed.notify()

    def release(self, client: bytes, cache: int) -> None:
        """Drop what is kept for the client under this name."""
        if self._runner is not None:
            self._runner.caches.release(client, cache)

    @property
    def busy(self) -> bool:
        """Whether a forward or a job is running."""
        return self._running > 0

    @property
    def queued(self) -> int:
        """Calls that wait for the device."""
        with self._changed:
            return self._unanswered - self._running

    def _main(self) -> None:
        try:
            model = self._load()
            # Here and not above: it imports PyTorch.
            from remdm_backend.engine.model_runner import ModelRunner

            if isinstance(model, Network):
                self._runner = ModelRunner(model)
                self._queue.mixes_lengths = self._runner.mixes_lengths
        except Exception as error:
            self._deliver(LoadFailed(as_backend_error(error)))
            return
        self._vocab_size = model.card.vocab_size
        self._deliver(Loaded(model))
        while work := self._next():
            begin = time.monotonic()
            if isinstance(work, Job):
                self._do(model, work)
            elif self._runner is not None:  # nothing but a network is sent calls
                self._run(self._runner, work)
            with self._changed:
                self._running = 0
                self._delay.ran(begin, time.monotonic())

    def _next(self) -> list[Piece] | Job | None:
        """Wait for the next batch or job; nothing when stopped."""
        with self._changed:
            while not self._stopping:
                if self._jobs and (self._batch_was_last or not self._queue):
                    self._batch_was_last = False
                    self._running = 1
                    return self._jobs.popleft()
                if not self._queue:
                    self._changed.wait()
                elif (patience := self._delay.wait(time.monotonic())) > 0:
                    self._changed.wait(patience)
                else:
                    taken = self._queue.take(self._limits, self._vocab_size)
                    pieces = [piece for piece in taken if not piece.call.failed]
                    if pieces:
                        self._batch_was_last = True
                        self._running = len({id(piece.call) for piece in pieces})
                        return pieces
            return None

    def _do(self, model: Model, job: Job) -> None:
        from remdm_backend.judging.judgement import judge  # it imports PyTorch

        event: Evaluated | Failed
        try:
            job.answer = judge(model, job.request)
            event = Evaluated(job)
        except Exception as error:
            event = Failed(job, as_backend_error(error))
        with self._changed:
            self._unanswered -= 1
            self._running = 0
        self._deliver(event)

    def _run(self, forward: RunForward, pieces: Sequence[Piece]) -> None:
        """One forward. When it fails, smaller ones: no call fails because of another's."""
        try:
            answer = forward(merge(pieces))
        except Exception as error:
            failure = as_backend_error(error)
            refused = isinstance(error, NoRoomError)
        else:
            self._hand_out(pieces, answer)
            return
        # Outside the handler: the exception is gone, and with it the tensors that its frames held.
        if failure.code == "out_of_memory" and not refused:
            self._shrink(sum(piece.forwards * piece.tokens for piece in pieces))
        call = pieces[0].call
        parts = pieces
        if len(pieces) == 1 and failure.code == "out_of_memory":
            parts = pieces[0].halves()
            call.missing += len(parts) - 1
        if len(parts) == 1:
            call.failed = True
            self._answer(Failed(call, failure))
            return
        for part in parts:
            if not part.call.failed:
                self._run(forward, [part])

    def _hand_out(self, pieces: Sequence[Piece], answer: Answer) -> None:
        try:
            for call in split(pieces, answer):
                self._answer(Answered(call))
        except Exception as error:  # the parts of a large call did not fit a second time
            failure = as_backend_error(error)
            for call in {id(piece.call): piece.call for piece in pieces}.values():
                if call.answer is None and not call.failed:
                    call.failed = True
                    call.parts.clear()
                    self._answer(Failed(call, failure))

    def _shrink(self, tokens: int) -> None:
        """Merge less from now on: ``tokens`` were too many for the device's memory."""
        most = tokens // 2
        if most < self._limits.tokens:
            self._limits = replace(self._limits, tokens=most)
            log(f"out of memory with {tokens} tokens; batches now have at most {most}")

    def _answer(self, event: Answered | Failed) -> None:
        with self._changed:
            self._unanswered -= 1
            self._running -= 1
            self._delay.answered(event.call.client, time.monotonic())
        self._deliver(event)
