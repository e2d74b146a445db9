"""Whom a batch is worth waiting for.

A sampler asks again a moment after it got its answer. If the next batch began at once, those that
had waited would run without the ones just answered, and these without them: two smaller batches in
turn in the place of one, where a larger one costs little more. So the device waits for clients that
lately came back soon, for a small part of the time that the last batch took.
"""

from __future__ import annotations

SHARE = 0.1
"""Of the last batch's time: what is lost at most when nobody comes."""


class BatchDelay:
    """Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self._pauses: dict[bytes, float] = {}
        """How long each client took the last time from its answer to its next call."""
        self._answered: dict[bytes, float] = {}
        """When each client got its answer, of those that have not asked since."""
        self._patience = 0.0
        self._until = 0.0

    def asked(self, client: bytes, now: float) -> None:
        answered = self._answered.pop(client, None)
        if answered is not None:
            self._pauses[client] = now - answered

    def answered(self, client: bytes, now: float) -> None:
        self._answered[client] = now

    def ran(self, begin: float, now: float) -> None:
        """A batch that began then has ended, and all its calls have been answered."""
        self._patience = SHARE * (now - begin)
        self._until = now + self._patience
        # Who was answered before it began had all its time to come back.
        for client in [each for each, when in self._answered.items() if when < begin]:
            del self._answered[client]
            self._pauses.pop(client, None)

    def wait(self, now: float) -> float:
        """How long to wait for somebody, 0 for not at all."""
        if now < self._until and any(
            self._pauses.get(client, self._patience) < self._patience for client in self._answered
        ):
            return self._until - now
        return 0.0
