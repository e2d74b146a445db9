"""This module is the I/O loop: it reads requests, answers pings at once, and sends results.

It hands calls to the engine and never waits for the network: loading and forwards happen on the
engine's thread, which leaves its results in a queue and wakes the loop.
"""

from __future__ import annotations

import math
import os
import platform
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import zmq

from remdm_backend import __version__
from remdm_backend.chat.renderer import ChatRenderer
from remdm_backend.engine.engine import (
    Answered,
    Engine,
    Evaluated,
    Event,
    Failed,
    Loaded,
    LoadFailed,
)
from remdm_backend.engine.models import Model, Network
from remdm_backend.engine.scheduler import Call, Job, Limits
from remdm_backend.errors import BackendError, RequestError
from remdm_backend.host.wakeup import Wakeup
from remdm_backend.log import log
from remdm_backend.model.card import wire_record
from remdm_backend.wire.chat import Render, Rendering
from remdm_backend.wire.judging import Evaluation, Mauve, check_texts
from remdm_backend.wire.protocol import (
    MAX_FRAME_BYTES,
    MAX_FRAMES,
    PROTOCOL_VERSION,
    Forward,
    Header,
    Hello,
    Ping,
    Release,
    Request,
    RequestDecoder,
    check_adjustment,
    check_forward,
    encode,
    error_reply,
    evaluated_reply,
    pong,
    released,
    rendered_reply,
    rows_reply,
)

MESSAGES_A_TURN = 256
"""Messages read before results are looked at: a flood of requests delays no answer for long."""


def open_router(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """Open the server's socket, not yet bound."""
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)  # a peer that sends more is disconnected
    # More unread answers than a client ever waits for; beyond, a client that stopped reading loses
    # its own and costs no more memory. Answers to one that vanished are dropped.
    router.setsockopt(zmq.SNDHWM, 1000)
    router.setsockopt(zmq.RCVHWM, 1000)
    router.setsockopt(zmq.LINGER, 0)
    return router


@dataclass(frozen=True)
class Rendered:
    """What came of a request to render, for the client that asked."""

    client: bytes
    request: Render
    outcome: Rendering | BackendError


ServerEvent: TypeAlias = Event | Rendered


class Server:
    def __init__(
        self,
        router: zmq.Socket[bytes],
        load: Callable[[], Model],
        *,
        limits: Limits,
        wakeup: Wakeup,
        hello_grace: float,
        chat: ChatRenderer | None = None,
    ) -> None:
        """``router`` is bound and belongs to the thread that calls ``run``.

        ``hello_grace``: seconds that a server which cannot load waits for somebody to tell.
        ``chat`` renders chats; without it there is no template.
        """
        self._router = router
        self._wakeup = wakeup
        self._chat = chat
        self._hello_grace = hello_grace
        self._decoder = RequestDecoder()
        self._events: queue.SimpleQueue[ServerEvent] = queue.SimpleQueue()
        self._engine = Engine(load, self._deliver, limits)
        self._model: Model | None = None
        self._load_error: BackendError | None = None
        self._waiting: list[tuple[bytes, Hello | Forward | Render | Evaluation]] = []
        self._told = False
        self._stopping = False

    def stop(self) -> None:
        """End ``run`` soon; from any thread or signal handler."""
        self._stopping = True
        self._wakeup.set()

    def run(self) -> BackendError | None:
        """Serve until ``stop`` (None) or until it is plain that there is nothing to serve (why)."""
        self._engine.start()
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._wakeup.fileno(), zmq.POLLIN)
        deadline = None
        while not self._stopping:
            if self._load_error is not None:
                deadline = deadline or time.monotonic() + self._hello_grace
                left = deadline - time.monotonic()
                if self._told or left <= 0:
                    break
                poller.poll(math.ceil(left * 1000))
            else:
                poller.poll()
            self._wakeup.clear()
            self._receive()
            self._take_events()
        self._engine.stop()
        return self._load_error

    def join(self, timeout: float) -> None:
        """After ``run``: wait for what the device thread was still computing."""
        self._engine.join(timeout)

    def _deliver(self, event: ServerEvent) -> None:
        """On the device thread or the renderer's."""
        self._events.put(event)
        self._wakeup.set()

    def _receive(self) -> None:
        for _ in range(MESSAGES_A_TURN):
            if not int(self._router.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                return
            client = self._router.recv()
            frames = self._receive_frames()
            try:
                request = self._decoder.decode(frames)
            except RequestError as error:
                self._send(client, error_reply(error.request_id, error))
            else:
                self._handle(client, request)

    def _receive_frames(self) -> list[memoryview]:
        """The rest of the message; of one with too many frames, just enough to see that."""
        frames: list[memoryview] = []
        more = True
        while more:
            frame = self._router.recv(copy=False)
            more = frame.more
            if len(frames) <= MAX_FRAMES:
                frames.append(frame.buffer)
        return frames

    def _handle(self, client: bytes, request: Request) -> None:
        if isinstance(request, Ping):
            queued = self._engine.queued + sum(
                not isinstance(waiting, Hello) for _, waiting in self._waiting
            )
            self._send(client, pong(request.id, busy=self._engine.busy, queued=queued))
        elif isinstance(request, Release):
            self._engine.release(client, request.cache)
            self._send(client, released(request.id))
        elif isinstance(request, Hello) and request.protocol != PROTOCOL_VERSION:
            self._send(client, error_reply(request.id, _mismatch(request.protocol)))
        elif self._load_error is not None:
            self._send(client, error_reply(request.id, self._load_error))
            self._told = True
        elif self._model is None:
            self._waiting.append((client, request))
        elif isinstance(request, Hello):
            has_template = self._chat is not None and self._chat.has_template
            self._send(client, _ready(request.id, self._model, has_template=has_template))
        elif isinstance(request, Render):
            self._render(client, request)
        else:
            try:
                self._submit(client, request, self._model)
            except RequestError as error:
                self._send(client, error_reply(request.id, error))

    def _render(self, client: bytes, request: Render) -> None:
        def done(outcome: Rendering | BackendError) -> None:
            self._deliver(Rendered(client, request, outcome))

        if self._chat is None:
            done(BackendError(
                "template_missing",
                "This backend has no chat template.",
                "Chat with a model that `Remdm.launch` or `npx remdm serve` started.",
            ))  # fmt: skip
        else:
            self._chat.submit(request, done)

    def _submit(self, client: bytes, request: Forward | Evaluation, model: Model) -> None:
        card = model.card
        if isinstance(request, Forward):
            if not isinstance(model, Network):
                raise RequestError(
                    request.id,
                    "This backend judges texts and cannot be sampled from.",
                    "Sample from a model that `Remdm.launch` or `npx remdm serve` started.",
                )
            check_forward(request, vocab_size=card.vocab_size, length=card.longest)
            check_adjustment(
                request,
                vocab_size=card.vocab_size,
                mask_id=card.mask_id,
                is_causal=card.kind == "ar",
            )
            self._engine.submit(Call(client, request))
            return
        if not isinstance(request, Mauve):
            check_texts(request, vocab_size=card.vocab_size, length=card.length)
        self._engine.submit_job(Job(client, request))

    def _take_events(self) -> None:
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, Answered):
                assert event.call.answer is not None
                reply = rows_reply(event.call.request.id, event.call.answer)
                self._router.send_multipart([event.call.client, *reply], copy=False)
            elif isinstance(event, Evaluated):
                reply = evaluated_reply(event.job.request.id, event.job.answer)
                self._router.send_multipart([event.job.client, *reply], copy=False)
            elif isinstance(event, Rendered):
                if isinstance(event.outcome, BackendError):
                    self._send(event.client, error_reply(event.request.id, event.outcome))
                else:
                    reply = rendered_reply(event.request.id, event.outcome)
                    self._router.send_multipart([event.client, *reply], copy=False)
            elif isinstance(event, Failed):
                reply_header = error_reply(event.call.request.id, event.error)
                self._send(event.call.client, reply_header)
            else:
                self._settle(event)

    def _settle(self, event: Loaded | LoadFailed) -> None:
        """Note that loading is over, and answer the clients that waited for it."""
        if isinstance(event, Loaded):
            self._model = event.model
            log(f"ready: {_describe(event.model)}")
        else:
            self._load_error = event.error
        waiting, self._waiting = self._waiting, []
        for client, request in waiting:
            self._handle(client, request)

    def _send(self, client: bytes, header: Header) -> None:
        self._router.send_multipart([client, encode(header)])


def _mismatch(protocol: int) -> BackendError:
    return BackendError(
        "protocol_mismatch",
        f"The client speaks protocol {protocol}, this backend ({__version__}) {PROTOCOL_VERSION}.",
        "Use the SDK and the backend of the same release.",
    )


def _ready(request_id: int, model: Model, *, has_template: bool) -> Header:
    from torch import __version__ as torch_version  # loaded by now, by the device thread

    return {
        "type": "ready",
        "id": request_id,
        "protocol": PROTOCOL_VERSION,
        "version": __version__,
        "model": wire_record(model.card),
        **({"chat": True} if has_template else {}),
        "runtime": {
            "device": str(model.device),
            "dtype": _dtype_name(model),
            "attention": model.attention,
            "torch": str(torch_version),
            "python": platform.python_version(),
            "pid": os.getpid(),
        },
    }


def _dtype_name(model: Model) -> str:
    return str(model.dtype).removeprefix("torch.")


def _describe(model: Model) -> str:
    card = model.card
    return (
        f"{card.name}, {card.kind}, {card.parameters:,} parameters, {card.weights} weights, "
        f"on {model.device} in {_dtype_name(model)} with {model.attention}"
    )
