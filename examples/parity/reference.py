"""The surface that `original.ts` calls through pythonia: texts of JSON in, texts of JSON out.

A failure comes back as `{"error": ..., "traceback": ...}`, since the bridge would drop its message.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ctrl-C reaches the whole process group: the parent decides what becomes of us.
signal.signal(signal.SIGINT, signal.SIG_IGN)
# The table goes to standard output; what the original prints is no part of it.
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
if not os.environ.get("REMDM_DEBUG"):
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")

_loaded: Any = None  # the `original.Original`, whose packages are imported by `load`


def load(request: str) -> str:
    """`{repository, checkpoint, device}` -> the card of the model, see `original.Card`."""

    def answer(repository: str, checkpoint: str, device: str) -> object:
        global _loaded
        from original import Original

        _loaded = None  # one model at a time
        _loaded = Original(Path(repository), Path(checkpoint), device)
        return _loaded.card()

    return _answered(answer, request)


def run(request: str) -> str:
    """`{case, answer, probe}` -> `{}`; `answer` and `probe` are files: the run, the probed rows."""

    def answer(case: dict[str, object], answer: str, probe: str) -> object:
        Path(answer).write_text(json.dumps(_loaded.run(case, Path(probe))), encoding="utf-8")
        return {}

    return _answered(answer, request)


def _answered(answer: Callable[..., object], request: str) -> str:
    try:
        return json.dumps(answer(**json.loads(request)))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return json.dumps({"error": text, "traceback": traceback.format_exc()})


def _end_with_parent(parent: int, folder: str) -> None:
    """A killed parent cannot end us, and a run would go on to its end before it noticed."""
    while os.getppid() == parent:
        time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


# No daemon: when the bridge ends because its other side is gone, the interpreter waits for this.
threading.Thread(
    target=_end_with_parent, args=(os.getppid(), os.environ["REMDM_PARITY_FOLDER"])
).start()
