"""This module turns any exception into the error that a client is told.

What nobody foresaw is logged with its traceback and told as ``internal``.
"""

from __future__ import annotations

import traceback

from remdm_backend.errors import BackendError
from remdm_backend.installing import described_python, setup_command
from remdm_backend.log import log


def as_backend_error(error: Exception) -> BackendError:
    """Return what to tell the client of ``error``; log what nobody foresaw.

    The result is a new exception without traceback, because a traceback keeps the tensors of its
    frames alive.
    """
    if isinstance(error, BackendError):
        return BackendError(error.code, error.message, error.remedy)
    if isinstance(error, MemoryError):
        return BackendError(
            "out_of_memory",
            "The backend ran out of main memory.",
            "Ask for fewer sequences or rows at a time.",
        )
    if isinstance(error, ImportError):
        return BackendError(
            "backend_start_failed",
            f"{described_python()} cannot import a package of the backend: {error}.",
            f"Run `{setup_command()}`: it installs what is missing.",
        )
    log("unexpected error\n" + "".join(traceback.format_exception(error)).rstrip())
    return BackendError(
        "internal",
        f"{type(error).__name__}: {_first_line(error)}",
        "Report this as a bug of remdm; the backend's log has the traceback.",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
