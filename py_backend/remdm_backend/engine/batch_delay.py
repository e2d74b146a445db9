"""This module says which clients a batch is worth waiting for, and how long.

A sampler asks again a moment after it got its answer. If the next batch began at once, the clients
that had waited would run without the ones just answered, and these without them: two smaller
batches in turn instead of one, where a larger one costs little more. So the device waits for
clients that lately came back soon, for a small part of the time that the last batch took.
"""

from __future__ import annotations

SHARE = 0.1
"""Of the last batch's time: what is lost at most when nobody comes."""


class BatchDelay:
    """The memory of which client came back how soon. Times are in seconds of one clock."""

    def __init__(self) -> None:
        self._pauses: dict[bytes, float] = {}
        """How long each client took the last time from its answer to its next call."""
        self._answered: dict[bytes, float] = {}
        """When each client got its answer, if it has not asked since."""
        self._patience = 0.0
        self._until = 0.0

    def asked(self, client: bytes, now: float) -> None:
        answered = self._answered.pop(client, None)
        if answered is not None:
            self._pauses[client] = now - answered

    def answered(self, client: bytes, now: float) -> None:
        self._answered[client] = now

    def ran(self, begin: float, now: float) -> None:
        """Note that a batch that began then has ended, and that all its calls have been
        answered."""
        self._patience = SHARE * (now - begin)
        self._until = now + self._patience
        # A client that was answered before it began had all its time to come back.
        for client in [each for each, when in self._answered.items() if when < begin]:
            del self._answered[client]
            self._pauses.pop(client, None)

    def wait(self, now: float) -> float:
        """Return how long to wait for a client, in seconds; 0 for not at all."""
        if now < self._until and any(
            self._pauses.get(client, self._patience) < self._patience for client in self._answered
        ):
            return self._until - now
        return 0.0
