"""This module is the process that renders one chat; ``renderer.py`` starts it.

A template comes with a model, whoever made it: it may loop for ever, take all memory or recurse. So
it runs here, within limits that the system enforces: seconds on the clock, address space, no file
to open and none to write. The question is a JSON object on standard input: ``template``,
``messages``, ``variables`` and ``seconds``. The answer is one on standard output: ``text``, or
``fault`` (see ``Fault``) and ``detail``. A process that ran out of time is killed by SIGALRM and
answers nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import html  # noqa: F401 (the filter striptags asks for it when no file can be opened)
import json
import resource
import signal
import sys
import textwrap  # noqa: F401 (the filter wordwrap)
import unicodedata  # noqa: F401 (names of characters in a template's texts)
from typing import Literal, TypeAlias

from jinja2 import TemplateSyntaxError
from jinja2.exceptions import SecurityError

from remdm_backend.chat.environment import RefusalError, environment
from remdm_backend.chat.limits import MAX_TEXT, MEMORY

Fault: TypeAlias = Literal["syntax", "refused", "unsafe", "size", "memory", "failed"]

MAX_DETAIL = 300
SET_PARENT_DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of Linux's ``prctl``."""


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    question = json.loads(sys.stdin.buffer.read())
    limit(question.pop("seconds"))
    answer = rendered(**question)
    sys.stdout.buffer.write(json.dumps(answer).encode())


def limit(seconds: float) -> None:
    """Begin the limits, which hold to the end of the process; ``seconds`` are on the clock."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if sys.platform != "darwin":  # which has no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    environment().from_string("{{ strftime_now('%c') }}").render()  # reads the time zone's file
    with contextlib.suppress(ZeroDivisionError):  # and what Python reads to tell of an error
        environment().from_string("{{ 1 / 0 }}").render()
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def rendered(
    template: str, messages: list[dict[str, str]], variables: dict[str, object]
) -> dict[str, str]:
    """Render as transformers' ``apply_chat_template`` does: ``tools`` and ``documents`` are there,
    and none, where nobody gives any."""
    given = {"tools": None, "documents": None, "add_generation_prompt": True, **variables}
    try:
        parts = environment().from_string(template).generate({**given, "messages": messages})
        text, size = [], 0
        for part in parts:
            size += len(part)
            if size > MAX_TEXT:
                return _fault("size")
            text.append(part)
        return {"text": "".join(text)}
    except TemplateSyntaxError as error:
        return _fault("syntax", f"line {error.lineno}: {error.message}")
    except RefusalError as error:
        return _fault("refused", str(error))
    except SecurityError as error:
        return _fault("unsafe", str(error))
    except MemoryError:
        return _fault("memory")
    except Exception as error:  # whatever a template can raise
        return _fault("failed", f"{type(error).__name__}: {error}")


def _fault(fault: Fault, detail: str = "") -> dict[str, str]:
    return {"fault": fault, "detail": detail[:MAX_DETAIL]}


if __name__ == "__main__":
    main()
