"""This module keeps the trunk caches of all clients within a budget of memory.

An entry is a convenience: a client whose entry is gone computes again (``model/trunk_cache.py``).
So the least recently used ones go when memory is short, and no entry needs to be kept for a client
that is gone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

CacheKey = tuple[bytes, int, int]
"""Client, the name that it chose, and the first sequence of the piece of its call."""

ENTRIES_PER_CLIENT = 64


class Entry(Protocol):
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Entry)


class CacheStore(Generic[T]):
    """The entries by client and name. The device thread uses it; ``release`` the I/O thread too."""

    def __init__(self, budget: int, make: Callable[[], T]) -> None:
        """``budget`` in bytes, for all entries together; ``make`` gives an empty entry."""
        self._budget = budget
        self._make = make
        self._lock = threading.Lock()
        self._entries: OrderedDict[CacheKey, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, key: CacheKey) -> T:
        """Return the entry of this name, now the most recently used one; an empty one if there is
        none.
        """
        with self._lock:
            entry = self._entries.setdefault(key, self._make())
            self._entries.move_to_end(key)
            self._limit_client(key[0])
            return entry

    def trim(self) -> None:
        """Drop what is empty or too large by itself, then the least recently used until the rest
        fits.

        It is called after use.
        """
        with self._lock:
            for key, entry in list(self._entries.items()):
                if not 0 < entry.nbytes <= self._budget:
                    del self._entries[key]
            used = sum(entry.nbytes for entry in self._entries.values())
            while used > self._budget:
                _, oldest = self._entries.popitem(last=False)
                used -= oldest.nbytes

    def release(self, client: bytes, name: int) -> None:
        """Drop what there is under this name. A call that runs or still waits may fill it again."""
        with self._lock:
            for key in [key for key in self._entries if key[:2] == (client, name)]:
                del self._entries[key]

    def clear(self) -> bool:
        """Drop everything; returns whether there was anything."""
        with self._lock:
            found = any(entry.nbytes > 0 for entry in self._entries.values())
            self._entries.clear()
            return found

    def _limit_client(self, client: bytes) -> None:
        keys = [key for key in self._entries if key[0] == client]
        for key in keys[:-ENTRIES_PER_CLIENT]:
            del self._entries[key]
