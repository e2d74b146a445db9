"""This module renders chats one after the other, on a thread of its own.

Each is rendered in a process that ends with it (``worker.py``), so that a template can neither hold
up a forward or a ping nor outlive its limits. Starting one takes a sixth of a second.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from remdm_backend.chat.limits import MAX_TEXT, MEMORY
from remdm_backend.errors import BackendError
from remdm_backend.failures import as_backend_error
from remdm_backend.log import log
from remdm_backend.wire.chat import Render, Rendering

if TYPE_CHECKING:
    from remdm_backend.chat.source import Template

WORKER = "remdm_backend.chat.worker"
PACKAGE_ROOT = Path(__file__).parents[2]
SECONDS = 5.0
"""How long a template may take on the clock, once its process has imported everything."""
START_SECONDS = 60
"""How long the process may take in all, on a machine that is out of breath."""
SIMPLER = "Use a template that does less, or a model with another one."

Done = Callable[[Rendering | BackendError], None]


class ChatRenderer:
    """Renders the chats of one checkpoint, a file or a directory."""

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        self._waiting: queue.SimpleQueue[tuple[Render, Done]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @cached_property
    def has_template(self) -> bool:
        """Whether there is a template; one that cannot be read is told of when it is needed."""
        try:
            return self._template is not None
        except (BackendError, OSError) as error:
            log(f"chat template: {error}")
            return True

    def submit(self, request: Render, done: Done) -> None:
        """Render a checked request soon; ``done`` is called with what came of it, on the renderer's
        thread, and must not block."""
        if self._thread is None:
            # A daemon: the process may end in the middle of a chat, and ends the child with it.
            self._thread = threading.Thread(target=self._main, name="chat", daemon=True)
            self._thread.start()
        self._waiting.put((request, done))

    def _main(self) -> None:
        while True:
            request, done = self._waiting.get()
            try:
                template = self._template
                if template is None:
                    raise _missing(self._checkpoint)
                done(render(template, request))
            except Exception as error:
                done(as_backend_error(error))

    @cached_property
    def _template(self) -> Template | None:
        from remdm_backend.chat.source import find_template  # it imports PyTorch

        return find_template(self._checkpoint)


def render(template: Template, request: Render) -> Rendering:
    """Render the messages in a process of their own, and wait for it.

    Raises ``BackendError``: ``template_invalid`` for a template that is none, ``template_failed``
    for one that refuses the messages, fails, or goes beyond a limit.
    """
    variables = template.tokens | request.variables
    question = {
        "template": template.text(tools=bool(request.variables.get("tools"))),
        "messages": request.messages,
        "variables": variables,
        "seconds": SECONDS,
    }
    path = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]))
    try:
        ended = subprocess.run(
            [sys.executable, "-m", WORKER],
            input=json.dumps(question).encode(),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # Ctrl-C is for us
            timeout=START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_long(template.name, START_SECONDS) from error
    if ended.returncode == -signal.SIGALRM:
        raise _too_long(template.name, SECONDS)
    if ended.returncode != 0:
        raise _failed(
            template.name, f"the process that renders it ended with {ended.returncode}", SIMPLER
        )
    answer = json.loads(ended.stdout)
    if "text" in answer:
        return Rendering(answer["text"], template.end_ids)
    raise _error(template.name, answer["fault"], answer["detail"])


def _error(name: str, fault: str, detail: str) -> BackendError:
    match fault:
        case "syntax":
            return BackendError(
                "template_invalid",
                f"The chat template {name} is not one of jinja2: {detail!r}.",
                "Correct it, or take the one that the model was published with.",
            )
        case "refused":
            return _failed(
                name, f"it refuses the messages: {detail!r}", "Change the messages as it says."
            )
        case "unsafe":
            return _failed(
                name,
                f"it tries what no template may do: {detail!r}",
                "Do not trust this model; give one with another template.",
            )
        case "size":
            return _failed(
                name,
                f"it makes a text of more than {MAX_TEXT:,} characters",
                "Shorten the messages; if they are short, give a model with another template.",
            )
        case "memory":
            return _failed(name, f"it needs more than {MEMORY >> 20} MiB of memory", SIMPLER)
        case _:
            return _failed(
                name,
                f"it fails: {detail!r}",
                "Give the template the messages and options that it expects; if they are right, "
                "it is the template that is wrong.",
            )


def _too_long(name: str, seconds: float) -> BackendError:
    return _failed(name, f"it takes longer than {seconds:g} s", SIMPLER)


def _failed(name: str, what: str, remedy: str) -> BackendError:
    return BackendError("template_failed", f"The chat template {name} failed: {what}.", remedy)


def _missing(checkpoint: Path) -> BackendError:
    return BackendError(
        "template_missing",
        f"{checkpoint} has no chat template: neither chat_template.jinja nor chat_template in "
        "tokenizer_config.json.",
        "Give a model that was trained to chat, or sample with a prompt.",
    )
