"""This module is the process around the server: its start, what it leaves behind, how it ends.

Exit codes: 0 stopped, or the parent is gone; 1 another failure; 2 usage; 3 the checkpoint cannot be
served; 4 the endpoint is busy; 5 the endpoint is invalid. With any except 0 the last line on stderr
is the error (``log.log_fatal``).
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import zmq

from remdm_backend.chat.renderer import ChatRenderer
from remdm_backend.engine.models import Model
from remdm_backend.engine.scheduler import Limits
from remdm_backend.errors import BackendError
from remdm_backend.host.endpoint import Endpoint
from remdm_backend.host.lifetime import leave_terminal_to_parent, stop_on_signals, watch_parent
from remdm_backend.host.wakeup import Wakeup
from remdm_backend.log import log, log_fatal
from remdm_backend.serving.server import Server, open_router

EXIT_CODES = {"endpoint_busy": 4, "endpoint_invalid": 5}
EXIT_OTHER = 1
EXIT_LOAD = 3

SWITCH_SECONDS = 0.0005
LINGER_MS = 150
"""How long answers that are on their way may take at the end."""
MANAGED_HELLO_GRACE = 2.0
"""Seconds in which the SDK may still ask why the checkpoint cannot be loaded."""


@dataclass(frozen=True)
class ServeOptions:
    endpoint: str
    managed: bool = False
    own_directory: bool = False
    """The endpoint's directory (mode 0700) goes with the process."""
    max_batch: int = 64
    """Sequences in one forward."""


def run(
    options: ServeOptions, load: Callable[[], Model], chat: ChatRenderer | None = None
) -> NoReturn:
    """Serve what ``load`` gives, on the main thread, until the end of the process. ``chat`` renders
    the chats of the same checkpoint."""
    try:
        endpoint = Endpoint(options.endpoint, own_directory=options.own_directory)
    except BackendError as error:
        log_fatal(error)
        os._exit(EXIT_CODES[error.code])

    def leave(code: int, error: BackendError | None = None) -> NoReturn:
        """From any thread, and without the interpreter's own end: a forward may be running."""
        endpoint.remove()
        if error is not None:
            log_fatal(error)
        os._exit(code)

    def thread_died(died: threading.ExceptHookArgs) -> None:
        leave(EXIT_OTHER, _bug(died.exc_value or died.exc_type()))

    threading.excepthook = thread_died
    # By default a thread that computes may keep the others waiting for 5 ms, at every message.
    sys.setswitchinterval(SWITCH_SECONDS)
    if options.managed:
        leave_terminal_to_parent()
        watch_parent(lambda: leave(0))
    try:
        load_error = _serve(options, load, chat, endpoint)
    except BackendError as error:
        leave(EXIT_CODES.get(error.code, EXIT_OTHER), error)
    except Exception as error:
        leave(EXIT_OTHER, _bug(error))
    leave(0 if load_error is None else EXIT_LOAD, load_error)


def _serve(
    options: ServeOptions,
    load: Callable[[], Model],
    chat: ChatRenderer | None,
    endpoint: Endpoint,
) -> BackendError | None:
    context = zmq.Context()
    router = open_router(context)
    wakeup = Wakeup()
    server = Server(
        router,
        load,
        limits=Limits(sequences=options.max_batch),
        wakeup=wakeup,
        chat=chat,
        hello_grace=MANAGED_HELLO_GRACE if options.managed else 0.0,
    )
    stop_on_signals(server.stop, wakeup)
    endpoint.bind(router)
    log(f"listening on {endpoint.address}")
    load_error = server.run()
    router.close(linger=LINGER_MS)
    context.term()
    return load_error


def _bug(error: BaseException) -> BackendError:
    log("unexpected error\n" + "".join(traceback.format_exception(error)).rstrip())
    return BackendError(
        "internal",
        f"{type(error).__name__}: {error}",
        "Report this as a bug of remdm; the lines above have the traceback.",
    )
