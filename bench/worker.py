"""A Python process that a benchmark asks for one timed call after the other: lines of JSON.

So two processes can take turns, and what else the machine does hits both alike.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping

Handler = Callable[..., object]


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer ``{"call": name, ...}`` on standard input with the JSON of ``handlers[name](...)``
    until that ends; ``memory`` is answered for everyone."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what packages print is no reply
    known = {"memory": peak_memory, **handlers}
    for line in sys.stdin:
        request = json.loads(line)
        call = known[request.pop("call")]
        replies.write(json.dumps(call(**request)) + "\n")
        replies.flush()


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
