"""What the server's tests stand on: a network that is a formula, a client, a server to talk to.

Run as a program it is ``remdm-backend serve`` with the fake in place of a checkpoint.
"""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgpack
import numpy as np
import zmq
from numpy.typing import NDArray

from remdm_backend.chat.renderer import ChatRenderer
from remdm_backend.engine.scheduler import Limits
from remdm_backend.errors import BackendError
from remdm_backend.host.wakeup import Wakeup
from remdm_backend.model.card import Format, Kind, ModelCard, Weights
from remdm_backend.serving.process import ServeOptions, run
from remdm_backend.serving.server import Server, open_router
from remdm_backend.wire.protocol import (
    PROTOCOL_VERSION,
    Forward,
    Guidance,
    Output,
    StatisticName,
    TopCut,
)
from remdm_backend.wire.schemas import Validators

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from remdm_backend.engine.models import Model
    from remdm_backend.model.adjustment import Adjustment
    from remdm_backend.model.top_rows import TopRows
    from remdm_backend.model.trunk_cache import TrunkCache

PATIENCE = 180.0
"""Seconds after which a test gives up. Nothing takes more than a few, on a machine that is idle."""

PACKAGE_ROOT = Path(__file__).resolve().parents[1]
REPLY = Validators("reply")
STATISTICS: tuple[StatisticName, ...] = get_args(StatisticName)


@dataclass(frozen=True)
class FakeCard(ModelCard):
    kind: Kind = "mdlm"
    vocab_size: int = 8
    mask_id: int = 7
    length: int = 16
    time_conditioning: bool = True
    hidden_size: int = 4
    n_blocks: int = 1
    n_heads: int = 1
    cond_dim: int = 0
    parameters: int = 10
    weights: Weights = "ema"
    name: str = "fake"
    format: Format = "safetensors"


class FakeNetwork:
    """Row b, l of the answer says which token, position and sigma it was asked for."""

    attention = "sdpa"

    def __init__(
        self, before: Callable[[Tensor], None] = lambda tokens: None, card: FakeCard | None = None
    ) -> None:
        import torch

        self.card = card or FakeCard()
        self.device: torch.device = torch.device("cpu")
        self.dtype: torch.dtype = torch.float32
        self.batches: list[int] = []
        self._before = before
        self._banned: Tensor | None = None

    def adjusted(self, adjustment: Adjustment) -> FakeNetwork:
        """It has bans; guidance is tried on real networks."""
        assert adjustment.guidance is None
        changed = copy.copy(self)
        changed._banned = adjustment.banned
        return changed

    def logits(
        self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        """``before`` may wait or raise. ``batches`` has those that no cache spared."""
        import torch

        if cache is None or cache.states(tokens, sigma) is None:
            self.batches.append(len(tokens))
            self._before(tokens)
            if cache is not None:
                cache.keep(tokens, sigma, (tokens,))
        length = tokens.shape[1]
        base = tokens.flatten()[rows] * 100 + rows % length + 1000 * sigma[rows // length]
        values = base[:, None] + torch.arange(self.card.vocab_size) / 10
        return values if self._banned is None else values.index_fill(-1, self._banned, -torch.inf)

    def log_probs(
        self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        return -self.logits(tokens, sigma, rows, cache)

    def statistics(
        self,
        tokens: Tensor,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None = None,
        *,
        names: Sequence[StatisticName],
        given: Tensor | None = None,
    ) -> Tensor:
        """Each statistic is a number by its place in ``STATISTICS``; ``given`` tells its token."""
        columns = [STATISTICS.index(name) for name in names]
        values = self.logits(tokens, sigma, rows, cache)[:, columns]
        if given is not None:
            values[:, names.index("given")] += 7 * given
        return values

    def top_rows(
        self,
        tokens: Tensor,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None = None,
        *,
        mass: float | None,
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> TopRows:
        from remdm_backend.model.top_rows import top_rows

        logits = self.logits(tokens, sigma, rows, cache)
        return top_rows(logits, self.card.mask_id, mass, temperature, top_k)


def expected(call: Forward, vocab_size: int = 8) -> NDArray[np.float32]:
    """What FakeNetwork says to ``call``, in numpy."""
    length = call.tokens.shape[1]
    base = call.tokens.ravel()[call.rows] * 100 + call.rows % length
    base = base + 1000 * call.sigma[call.rows // length]
    values = (base[:, None] + np.arange(vocab_size) / 10).astype(np.float32)
    if call.output == "statistics":
        values = values[:, [STATISTICS.index(name) for name in call.statistics]]
        if call.given is not None:
            values[:, call.statistics.index("given")] += 7 * call.given
        return values
    return values if call.output == "logits" else -values


def make_call(
    number: int,
    batch: int = 1,
    length: int = 4,
    *,
    rows: list[int] | None = None,
    output: Output = "logits",
    cache: int | None = None,
    top: TopCut | None = None,
    statistics: tuple[StatisticName, ...] = (),
    banned: list[int] | None = None,
    guidance: Guidance | None = None,
) -> Forward:
    """A call that differs from those of other numbers; by default it asks for every row."""
    if output == "statistics" and not statistics:
        statistics = ("logMass", "given")
    rng = np.random.default_rng(number)
    asked = np.arange(batch * length) if rows is None else np.array(rows, dtype=np.int64)
    return Forward(
        id=number,
        output=output,
        tokens=rng.integers(0, 8, (batch, length)),
        sigma=rng.random(batch, dtype=np.float32),
        rows=asked,
        cache=cache,
        top=top,
        statistics=statistics,
        given=rng.integers(0, 8, len(asked)) if "given" in statistics else None,
        banned=None if banned is None else np.array(banned, dtype=np.int64),
        guidance=guidance,
    )


def frames_of(call: Forward) -> list[bytes]:
    """``call`` on the wire."""
    arrays = [
        ("int32", call.tokens.astype("<i4")),
        ("float32", call.sigma.astype("<f4")),
        ("int32", call.rows.astype("<i4")),
    ]
    if call.given is not None:
        arrays.append(("int32", call.given.astype("<i4")))
    if call.banned is not None:
        arrays.append(("int32", call.banned.astype("<i4")))
    if call.guidance is not None:
        arrays.append(("int32", call.guidance.masked.astype("<i4")))
    header = {
        "type": "forward",
        "id": call.id,
        "output": call.output,
        "tensors": [{"dtype": dtype, "shape": list(array.shape)} for dtype, array in arrays],
        **({} if call.cache is None else {"cache": call.cache}),
        **({} if call.top is None else top_header(call.top)),
        **({"statistics": list(call.statistics)} if call.statistics else {}),
        **({} if call.banned is None else {"bans": True}),
        **({} if call.guidance is None else {"guidanceScale": call.guidance.scale}),
    }
    return [msgpack.packb(header), *(array.tobytes() for _, array in arrays)]


def top_header(top: TopCut) -> dict[str, float]:
    """``top`` as the SDK says it: what is not the default."""
    said = {"topMass": top.mass, "topK": top.top_k}
    known = {name: value for name, value in said.items() if value is not None}
    return known | ({} if top.temperature == 1 else {"temperature": top.temperature})


class Client:
    """A DEALER that checks every reply against the schema."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)

    def send(self, header: dict[str, Any]) -> None:
        self.socket.send(msgpack.packb(header))

    def receive(self) -> tuple[dict[str, Any], list[bytes]]:
        if not self.socket.poll(PATIENCE * 1000):
            raise TimeoutError("no reply")
        header, *frames = self.socket.recv_multipart()
        reply = msgpack.unpackb(header)
        REPLY[reply["type"]](reply)
        return reply, frames

    def ask(self, header: dict[str, Any]) -> dict[str, Any]:
        self.send(header)
        return self.receive()[0]

    def hello(self) -> dict[str, Any]:
        return self.ask({"type": "hello", "id": 1, "protocol": PROTOCOL_VERSION})

    def ping(self) -> dict[str, Any]:
        return self.ask({"type": "ping", "id": 2})

    def forward(self, call: Forward) -> NDArray[np.float32]:
        self.socket.send_multipart(frames_of(call))
        return self.rows()[1]

    def rows(self) -> tuple[int, NDArray[np.float32]]:
        """The next reply, which must be one of rows: its id and values."""
        reply, frames = self.receive()
        assert reply["type"] == "rows", reply
        (spec,) = reply["tensors"]
        return reply["id"], np.frombuffer(frames[0], np.float32).reshape(spec["shape"])


@contextlib.contextmanager
def clients(address: str, count: int = 1) -> Iterator[list[Client]]:
    with zmq.Context() as context:
        made = [Client(context, address) for _ in range(count)]
        try:
            yield made
        finally:
            for client in made:
                client.socket.close()


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """Like pytest's, but with a path short enough for a socket. It may be gone at the end."""
    with tempfile.TemporaryDirectory(prefix="remdm-", dir="/tmp", ignore_cleanup_errors=True) as it:
        yield Path(it)


@contextlib.contextmanager
def serving(
    load: Callable[[], Model], limits: Limits | None = None, chat: ChatRenderer | None = None
) -> Iterator[str]:
    """A server on a thread of this process; gives its address."""
    with server_thread(load, limits or Limits(), hello_grace=0, chat=chat) as (address, _):
        yield address


@contextlib.contextmanager
def server_thread(
    load: Callable[[], Model],
    limits: Limits,
    *,
    hello_grace: float,
    chat: ChatRenderer | None = None,
) -> Iterator[tuple[str, threading.Thread]]:
    """The same, with its thread."""
    with temporary_directory() as directory, zmq.Context() as context:
        address = f"ipc://{directory}/s"
        router = open_router(context)
        router.bind(address)
        wakeup = Wakeup()
        server = Server(
            router, load, limits=limits, wakeup=wakeup, hello_grace=hello_grace, chat=chat
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield address, thread
        finally:
            server.stop()
            thread.join(PATIENCE)
            server.join(PATIENCE)
            router.close()
            wakeup.close()


@dataclass
class Spawned:
    """A server process with the fake network."""

    process: subprocess.Popen[bytes]
    socket: Path

    @property
    def address(self) -> str:
        return f"ipc://{self.socket}"

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.socket.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, list[str]]:
        """Wait for the end: exit code, and stderr in lines."""
        self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        return self.process.returncode, self.process.stderr.read().decode().splitlines()


@contextlib.contextmanager
def spawned(directory: Path, behaviour: str = "answers", *options: str) -> Iterator[Spawned]:
    """Start this module as a program; it listens in ``directory``."""
    socket = directory / "s"
    with started([__file__, behaviour, f"ipc://{socket}", *options], socket) as backend:
        yield backend


@contextlib.contextmanager
def started(arguments: Sequence[str], socket: Path) -> Iterator[Spawned]:
    """Start Python with ``arguments``, for a server that will listen on ``socket``."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
    )
    with process:
        try:
            yield Spawned(process, socket)
        finally:
            process.kill()


def _load(behaviour: str) -> FakeNetwork:
    """``behaviour`` says what goes wrong. ``time.sleep`` stands for work without the GIL."""
    if behaviour == "loads forever":
        while True:  # with the GIL, as an import would
            pass
    if behaviour == "cannot load":
        raise BackendError("checkpoint_invalid", "It is not a checkpoint.", "Use another.")
    if behaviour == "has a bug":
        raise ZeroDivisionError("a bug")
    if behaviour == "panics":
        raise BaseException("a panic")  # as pyo3 does
    if behaviour == "computes forever":
        return FakeNetwork(lambda tokens: time.sleep(10 * PATIENCE))
    return FakeNetwork()


if __name__ == "__main__":
    options = set(sys.argv[3:])
    run(
        ServeOptions(
            sys.argv[2], managed="managed" in options, own_directory="own-directory" in options
        ),
        lambda: _load(sys.argv[1]),
    )
