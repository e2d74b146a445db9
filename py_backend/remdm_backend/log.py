"""This module writes the log on stderr: lines for people, and one for the SDK at a failed start.

A fatal error is the last line that a process writes, ``remdm-backend: error {...}`` with the JSON
of ``code``, ``message`` and ``remedy``; ``code`` is a ``RemdmErrorCode`` of
``src/foundation/errors.ts``.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from remdm_backend.errors import BackendError

STDERR = 2


def log(text: str) -> None:
    """Write ``remdm-backend: 12:34:56 text``; a traceback keeps its lines."""
    _write(f"remdm-backend: {time.strftime('%H:%M:%S')} {text}\n")


def log_fatal(error: BackendError) -> None:
    """Write the line that the SDK parses. The SDK has no ``internal``: here that is a failed
    start."""
    code = "backend_start_failed" if error.code == "internal" else error.code
    record = {"code": code, "message": error.message, "remedy": error.remedy}
    _write(f"remdm-backend: error {json.dumps(record)}\n")


def _write(text: str) -> None:
    # One write a record, past Python's buffers, so that threads do not mix their lines and nothing
    # is lost in os._exit. A reader that went away is no reason to fail: nobody is left to tell.
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode("utf-8", "backslashreplace"))
