"""This module wakes a thread that polls sockets, from any thread and from signal handlers.

It is a pipe of the process to itself. A ZeroMQ socket would do between threads, but not for
signals: a signal that arrives just before the poll, or on another thread, would be noticed only at
the next message.
"""

from __future__ import annotations

import os


class Wakeup:
    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        for end in (self._read_end, self.write_end):
            os.set_blocking(end, False)

    def fileno(self) -> int:
        """For pollers: readable once ``set`` was called and until ``clear``."""
        return self._read_end

    def set(self) -> None:
        try:
            os.write(self.write_end, b"\0")
        except BlockingIOError:
            # The pipe is full of wake-ups that nobody has read yet; one is enough.
            return

    def clear(self) -> None:
        """Call it before looking at what the wake-ups announce, not after."""
        try:
            while os.read(self._read_end, 4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        os.close(self._read_end)
        os.close(self.write_end)
