"""An engine at work on the fake network, and what was waiting for it."""

from __future__ import annotations

import contextlib
import copy
import queue
import threading
from collections.abc import Callable, Iterator

from fake_backend import PATIENCE, FakeNetwork, make_call
from torch import Tensor

from remdm_backend.engine.engine import Answered, Engine, Event, Failed, Loaded
from remdm_backend.engine.row_results import Rows, Values
from remdm_backend.engine.scheduler import Call, Limits
from remdm_backend.errors import BackendError


def values_of(event: Event) -> Values:
    """Whole rows that answer a call."""
    assert isinstance(event, Answered)
    assert isinstance(event.call.answer, Rows)
    return event.call.answer.values


class Gate:
    """Holds the first forward until it is opened, so that later calls gather in the queue."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, tokens: Tensor) -> None:
        self.entered.set()
        assert self.opened.wait(PATIENCE)


class Running:
    """A started engine, and its events in order."""

    def __init__(self, load: Callable[[], FakeNetwork], limits: Limits) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.engine = Engine(load, self._deliver, limits)
        self.engine.start()

    def _deliver(self, event: Event) -> None:
        if isinstance(event, Answered):
            # As it is now: an answer must be whole when it is delivered.
            call = event.call
            event = Answered(Call(call.client, call.request, copy.deepcopy(call.answer)))
        self.events.put(event)

    def next(self) -> Event:
        return self.events.get(timeout=PATIENCE)

    def outcomes(self, count: int) -> dict[int, Answered | Failed]:
        """The next ``count`` answers by request id."""
        found = {}
        for _ in range(count):
            event = self.next()
            assert isinstance(event, Answered | Failed)
            found[event.call.request.id] = event
        return found


@contextlib.contextmanager
def engine_of(network: FakeNetwork, limits: Limits | None = None) -> Iterator[Running]:
    running = Running(lambda: network, limits or Limits())
    try:
        assert isinstance(running.next(), Loaded)
        yield running
    finally:
        running.engine.stop()
        running.engine.join(PATIENCE)
    assert running.events.empty()  # each call was answered once


@contextlib.contextmanager
def gathered(
    calls: list[Call],
    limits: Limits | None = None,
    fail: Callable[[Tensor], None] = lambda tokens: None,
    kind: type[FakeNetwork] = FakeNetwork,
) -> Iterator[tuple[Running, FakeNetwork]]:
    """An engine that finds ``calls`` waiting together, after a first call that is let through."""
    gate = Gate()

    def before(tokens: Tensor) -> None:
        gate(tokens)
        fail(tokens)

    network = kind(before)
    with engine_of(network, limits) as running:
        running.engine.submit(Call(b"first", make_call(1000)))
        try:
            assert gate.entered.wait(PATIENCE)
            for call in calls:
                running.engine.submit(call)
            network.batches.clear()
        finally:
            gate.opened.set()
        running.outcomes(1)
        yield running, network


def limited_memory(most: int) -> Callable[[Tensor], None]:
    def fail(tokens: Tensor) -> None:
        if len(tokens) > most:
            raise BackendError("out_of_memory", f"{len(tokens)} are too many", "less")

    return fail
