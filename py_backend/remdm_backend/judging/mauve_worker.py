"""This module is the process that computes MAUVE; ``mauve_process.py`` starts it and asks it.

scikit-learn's PCA keeps Python's lock for as long as it takes, half a minute for thousands of
texts: in the backend's own process no ping would be answered, and no signal heard, meanwhile.

A question is a line of JSON (``p`` and ``q``, the shapes, and ``settings``) and the numbers of
both, float32, row-major, on standard input. The answer is a line of JSON on standard output:
``score`` with ``value`` and ``tied``, or ``error`` with ``code``, ``message`` and ``remedy``. At
the end of standard input it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict
from math import prod
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from remdm_backend.failures import as_backend_error
from remdm_backend.judging.mauve import mauve
from remdm_backend.wire.judging import MauveSettings

STDOUT, STDERR = 1, 2
SET_PARENT_DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of Linux's ``prctl``."""


def main() -> None:
    end_with_parent()
    with os.fdopen(os.dup(STDOUT), "w", encoding="utf-8") as answers:
        os.dup2(STDERR, STDOUT)  # what the packages print belongs into the log
        while question := sys.stdin.buffer.readline():
            print(json.dumps(answer(json.loads(question), sys.stdin.buffer)), file=answers)
            answers.flush()


def end_with_parent() -> None:
    """End with the parent, also in the middle of a score, where Linux lets us.

    Elsewhere standard input's end does it when the score is done.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def answer(question: dict[str, object], numbers: BinaryIO) -> dict[str, object]:
    p, q = (features(question[name], numbers) for name in ("p", "q"))
    settings = question["settings"]
    assert isinstance(settings, dict)
    try:
        return {"score": asdict(mauve(p, q, MauveSettings(**settings)))}
    except Exception as error:
        told = as_backend_error(error)
        return {"error": {"code": told.code, "message": told.message, "remedy": told.remedy}}


def features(shape: object, numbers: BinaryIO) -> NDArray[np.float32]:
    assert isinstance(shape, list)
    data = numbers.read(4 * prod(shape))
    return np.frombuffer(data, np.float32).reshape(shape)


if __name__ == "__main__":
    main()
