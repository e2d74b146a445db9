"""This module asks the process that computes MAUVE.

It is started at the first score and stays for the next; ``mauve_worker.py`` says why MAUVE has a
process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remdm_backend.errors import BackendError
from remdm_backend.judging.mauve import Score
from remdm_backend.wire.judging import MauveSettings

WORKER = "remdm_backend.judging.mauve_worker"
PACKAGE_ROOT = Path(__file__).parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class MauveProcess:
    """The process, for one thread, with which it ends: it is that thread's child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def score(
        self,
        p: NDArray[np.float32],
        q: NDArray[np.float32],
        settings: MauveSettings,
        threads: int,
    ) -> Score:
        """As ``mauve.mauve``, and raises what that raises; ``out_of_memory`` if the process was
        killed. ``threads`` it may compute with, as when it started."""
        if self._process is not None and self._process.poll() is not None:
            self.close()
        process = self._process = self._process or _started(threads)
        question = {"p": p.shape, "q": q.shape, "settings": asdict(settings)}
        answer = _ask(process, [json.dumps(question).encode() + b"\n", p.tobytes(), q.tobytes()])
        if not answer:
            self.close()
            raise _ended(process.returncode)
        return _score(json.loads(answer))

    def close(self) -> None:
        """End the process. Any number of times."""
        process, self._process = self._process, None
        if process is None:
            return
        # What it was not told before it died, it need not be told now.
        with contextlib.suppress(BrokenPipeError), process:
            if process.poll() is None:
                process.kill()


def _started(threads: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]))
    limits = dict.fromkeys(THREADS, str(threads))
    return subprocess.Popen(
        [sys.executable, "-m", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **limits, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
        start_new_session=True,  # Ctrl-C is for us
    )


def _ask(process: subprocess.Popen[bytes], parts: list[bytes]) -> bytes:
    """The line that answers, nothing when the process is gone."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for part in parts:
            process.stdin.write(part)
        process.stdin.flush()
    except BrokenPipeError:
        return b""
    return process.stdout.readline()


def _score(answer: dict[str, Any]) -> Score:
    if "error" in answer:
        raise BackendError(**answer["error"])
    return Score(**answer["score"])


def _ended(code: int) -> BackendError:
    if code == -9:
        return BackendError(
            "out_of_memory",
            "The process that computes MAUVE was killed.",
            "If nobody killed it, the system ran out of memory: compare fewer texts.",
        )
    return BackendError(
        "internal",
        f"The process that computes MAUVE ended with the exit code {code}.",
        "Report this as a bug of remdm; the backend's log has what it wrote.",
    )
