"""This module says when the process must end: its parent is gone, or a signal asks for it.

Managed means started by the SDK: the parent holds the other end of our standard input and nothing
is ever written to it; when it closes, however the parent went, nobody needs us. The terminal sends
Ctrl-C and hang-up to the whole process group, and it is for the parent to decide what they mean.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from remdm_backend.host.wakeup import Wakeup
from remdm_backend.log import log

STDIN = 0


def watch_parent(gone: Callable[[], None]) -> None:
    """Call ``gone`` on a thread of its own when standard input ends."""
    threading.Thread(target=_wait_for_end, args=(gone,), name="parent", daemon=True).start()


def exit_on_signals(*, managed: bool) -> None:
    """End the process with ``SystemExit``, 128 and the signal's number, when a signal asks for it.

    It is for work on the main thread that tidies up in its ``finally``. Managed, the end of the
    parent does the same.
    """
    if managed:
        leave_terminal_to_parent()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)
    if managed:
        watch_parent(lambda: signal.raise_signal(signal.SIGTERM))


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # a second one must not interrupt the tidying up
    raise SystemExit(128 + number)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore signals that ask for the end during moments that must not be cut in two.

    It does nothing on other threads than the main one, where no signal is handled.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not None:  # not Python's, who could not put it back
                before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_terminal_to_parent() -> None:
    """Ignore Ctrl-C and hang-up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def stop_on_signals(stop: Callable[[], None], wakeup: Wakeup) -> None:
    """Call ``stop`` on SIGTERM, SIGINT and SIGHUP, unless ignored (managed, nohup).

    ``wakeup`` is set by the signal itself: Python runs handlers between two steps of the main
    thread, which may be in a poll, and the system may give the signal to another thread.
    """
    signal.set_wakeup_fd(wakeup.write_end, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())


def _wait_for_end(gone: Callable[[], None]) -> None:
    # When there is no standard input, another file may have got its number.
    if sys.stdin is not None:
        try:
            os.set_blocking(STDIN, True)
            while os.read(STDIN, 4096):
                pass
        except OSError as error:
            log(f"standard input: {error.strerror}")
    gone()
