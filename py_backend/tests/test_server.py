"""The server over its socket, and the process around it: who is answered, what is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import socket
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq
from fake_backend import (
    PATIENCE,
    FakeCard,
    FakeNetwork,
    clients,
    expected,
    frames_of,
    make_call,
    server_thread,
    serving,
    spawned,
    temporary_directory,
)
from torch import Tensor

from remdm_backend.engine.scheduler import Limits
from remdm_backend.errors import BackendError
from remdm_backend.host import endpoint as endpoint_module
from remdm_backend.host.endpoint import MAX_PATH_BYTES, Endpoint
from remdm_backend.host.lifetime import stop_on_signals
from remdm_backend.host.wakeup import Wakeup
from remdm_backend.serving.server import open_router
from remdm_backend.wire.protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_VERSION,
    StatisticName,
    TopCut,
)

# --- requests and answers


def test_hello_tells_what_the_network_is() -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        reply = client.hello()
    assert reply["type"] == "ready"
    assert (reply["id"], reply["protocol"]) == (1, PROTOCOL_VERSION)
    assert reply["model"] == {
        "kind": "mdlm",
        "name": "fake",
        "format": "safetensors",
        "weights": "ema",
        "vocabSize": 8,
        "maskId": 7,
        "length": 16,
        "timeConditioning": True,
        "subsMasking": False,
        "architecture": "dit",
        "hiddenSize": 4,
        "blocks": 1,
        "heads": 1,
        "parameters": 10,
    }
    assert reply["runtime"].items() >= {
        ("device", "cpu"),
        ("dtype", "float32"),
        ("attention", "sdpa"),
        ("pid", os.getpid()),
    }


def test_forward_gives_the_rows_asked_for() -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        for call in (
            make_call(1, batch=3, rows=[0, 5, 11]),
            make_call(2, output="logprobs"),
            make_call(3, rows=[]),
            make_call(4, batch=70, length=16),
        ):
            np.testing.assert_allclose(client.forward(call), expected(call), rtol=1e-6)


def test_statistics_are_a_number_a_row_each() -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        names: list[tuple[StatisticName, ...]] = [("logMass",), ("entropy", "given", "max")]
        for statistics in names:
            call = make_call(1, 2, rows=[0, 3, 7], output="statistics", statistics=statistics)
            values = client.forward(call)
            assert values.shape == (3, len(statistics))
            np.testing.assert_allclose(values, expected(call), rtol=1e-6)


@pytest.mark.parametrize("top", [TopCut(0.5), TopCut(0.5, 2, 4), TopCut(top_k=3)])
def test_the_top_of_rows_has_five_frames(top: TopCut) -> None:
    call = make_call(1, batch=2, rows=[1, 2, 7], top=top)
    whole = replace(call, top=None)
    with serving(FakeNetwork) as address, clients(address) as (client,):
        client.hello()
        client.socket.send_multipart(frames_of(call))
        reply, frames = client.receive()
        assert (reply["type"], reply["id"]) == ("topRows", 1)
        kinds = [(np.dtype(spec["dtype"]), spec["shape"]) for spec in reply["tensors"]]
        counts, ids, logits, rest, log_mass = (
            np.frombuffer(frame, dtype).reshape(shape)
            for frame, (dtype, shape) in zip(frames, kinds, strict=True)
        )
        assert (counts.shape, rest.shape, log_mass.shape) == ((3,), (3,), (3,))
        values = client.forward(whole)
    rows = np.repeat(np.arange(3), counts)
    np.testing.assert_array_equal(logits, values[rows, ids])
    assert 0 < len(ids) < values.size


def test_a_cache_spares_its_client_a_forward_until_it_is_released() -> None:
    network = FakeNetwork()
    call = make_call(1, batch=2, cache=3)
    release = {"type": "release", "id": 9, "cache": 3}
    with serving(lambda: network) as address, clients(address, 2) as (client, other):
        for _ in range(2):
            np.testing.assert_allclose(client.forward(call), expected(call), rtol=1e-6)
        assert network.batches == [2]
        assert other.ask(release) == {"type": "released", "id": 9}  # that name is not its own
        client.forward(call)
        assert network.batches == [2]
        for _ in range(2):
            assert client.ask(release) == {"type": "released", "id": 9}
        client.forward(call)
        assert network.batches == [2, 2]


def test_nothing_can_be_released_while_loading_too() -> None:
    loading = threading.Event()

    def load() -> FakeNetwork:
        assert loading.wait(PATIENCE)
        return FakeNetwork()

    with serving(load) as address, clients(address) as (client,):
        reply = client.ask({"type": "release", "id": 4, "cache": 2**31 - 1})
        loading.set()
        assert reply == {"type": "released", "id": 4}


@pytest.mark.parametrize("cache", [-1, 2**31, 2**63, 1.5, "1", None, [], {}])
def test_a_name_that_is_none_is_refused_and_the_server_goes_on(cache: object) -> None:
    header, *tensors = frames_of(make_call(5))
    with serving(FakeNetwork) as address, clients(address) as (client,):
        reply = client.ask({"type": "release", "id": 4, "cache": cache})
        assert (reply["type"], reply["id"], reply["code"]) == ("error", 4, "request_invalid")
        client.socket.send_multipart(
            [msgpack.packb(msgpack.unpackb(header) | {"cache": cache}), *tensors]
        )
        reply, _ = client.receive()
        assert (reply["type"], reply["id"], reply["code"]) == ("error", 5, "request_invalid")
        client.socket.send_multipart(
            [msgpack.packb({"type": "release", "id": 6, "cache": 1}), b"a tensor"]
        )
        assert client.receive()[0]["code"] == "request_invalid"
        assert client.ping()["type"] == "pong"


def test_answers_go_to_who_asked() -> None:
    with serving(FakeNetwork, Limits(sequences=5)) as address, clients(address, 4) as several:
        asked = {}
        for number in range(80):
            call = make_call(number, batch=1 + number % 3, length=1 + number % 2)
            several[number % 4].socket.send_multipart(frames_of(call))
            asked[number] = call
        for number in range(80):
            got, values = several[number % 4].rows()
            assert got % 4 == number % 4
            np.testing.assert_allclose(values, expected(asked.pop(got)), rtol=1e-6)
    assert not asked


def test_another_protocol_is_refused_even_while_loading() -> None:
    loading = threading.Event()

    def load() -> FakeNetwork:
        assert loading.wait(PATIENCE)
        return FakeNetwork()

    with serving(load) as address, clients(address) as (client,):
        reply = client.ask({"type": "hello", "id": 9, "protocol": 1})
        loading.set()
        assert (reply["type"], reply["id"], reply["code"]) == ("error", 9, "protocol_mismatch")
        assert client.hello()["type"] == "ready"


def test_hello_and_forward_wait_for_the_network_and_ping_does_not() -> None:
    loading = threading.Event()

    def load() -> FakeNetwork:
        assert loading.wait(PATIENCE)
        return FakeNetwork()

    with serving(load) as address, clients(address, 2) as (early, other):
        early.send({"type": "hello", "id": 1, "protocol": PROTOCOL_VERSION})
        early.socket.send_multipart(frames_of(make_call(5)))
        # Messages of one client are handled in order: after this pong the two above are waiting.
        assert early.ping() == {"type": "pong", "id": 2, "busy": False, "queued": 1}
        assert other.ping()["queued"] == 1
        loading.set()
        assert early.receive()[0]["type"] == "ready"
        assert early.rows()[0] == 5


def test_ping_is_answered_during_a_forward() -> None:
    entered, opened = threading.Event(), threading.Event()

    def wait(tokens: Tensor) -> None:
        entered.set()
        assert opened.wait(PATIENCE)

    with (
        serving(lambda: FakeNetwork(wait)) as address,
        clients(address, 2) as (client, other),
    ):
        client.socket.send_multipart(frames_of(make_call(5)))
        assert entered.wait(PATIENCE)
        client.socket.send_multipart(frames_of(make_call(6)))
        assert client.ping() == {"type": "pong", "id": 2, "busy": True, "queued": 1}
        assert other.ping()["busy"]
        assert other.hello()["type"] == "ready"
        opened.set()
        assert [client.rows()[0], client.rows()[0]] == [5, 6]
        assert client.ping() == {"type": "pong", "id": 2, "busy": False, "queued": 0}


def test_a_failed_forward_is_answered_with_its_code() -> None:
    def fail(tokens: Tensor) -> None:
        raise BackendError("out_of_memory", "too much", "less")

    with serving(lambda: FakeNetwork(fail)) as address, clients(address) as (client,):
        client.socket.send_multipart(frames_of(make_call(5)))
        assert client.receive()[0] == {
            "type": "error",
            "id": 5,
            "code": "out_of_memory",
            "message": "too much",
            "remedy": "less",
        }


def test_a_call_that_does_not_fit_the_model_is_refused() -> None:
    card = FakeCard(vocab_size=3, length=4)
    with serving(lambda: FakeNetwork(card=card)) as address, clients(address) as (client,):
        for call in (make_call(5, batch=9), make_call(6, length=5)):
            client.socket.send_multipart(frames_of(call))
            reply = client.receive()[0]
            assert (reply["id"], reply["code"]) == (call.id, "request_invalid")


def test_bans_that_do_not_fit_the_model_are_refused_and_others_are_kept() -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        client.socket.send_multipart(frames_of(make_call(5, banned=[7])))
        reply = client.receive()[0]
        assert (reply["id"], reply["code"]) == (5, "request_invalid")
        values = client.forward(make_call(6, banned=[0, 3]))
        assert (values[:, [0, 3]] == -np.inf).all()
        assert np.isfinite(np.delete(values, [0, 3], axis=1)).all()


def test_nothing_that_is_sent_stops_the_server() -> None:
    rng = random.Random(2)
    with serving(FakeNetwork) as address, clients(address, 2) as (client, honest):
        for turn in range(600):
            if turn % 2:
                frames = [
                    rng.randbytes(rng.choice((0, 1, 9, 64))) for _ in range(rng.randint(1, 40))
                ]
            else:
                frames = frames_of(make_call(turn, batch=2))
                damaged = bytearray(frames[rng.randrange(4)])
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
                frames[rng.randrange(4)] = bytes(damaged)
            client.socket.send_multipart(frames)
        for _ in range(600):  # each is answered, once
            assert client.receive()[0]["type"] in ("error", "rows", "pong")
        call = make_call(1)
        np.testing.assert_allclose(honest.forward(call), expected(call), rtol=1e-6)
        assert client.ping() == {"type": "pong", "id": 2, "busy": False, "queued": 0}


def test_a_frame_of_absurd_size_disconnects_its_sender_only() -> None:
    with serving(FakeNetwork) as address, clients(address, 2) as (client, honest):
        monitor = client.socket.get_monitor_socket()
        client.ping()
        client.socket.send(bytes(MAX_FRAME_BYTES + 1))
        assert honest.hello()["type"] == "ready"
        names = set()
        while "DISCONNECTED" not in names:
            assert monitor.poll(PATIENCE * 1000)
            event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
            names |= {"DISCONNECTED"} if event == 0x0200 else set()
        client.socket.disable_monitor()
        monitor.close()


def test_a_client_that_vanishes_costs_nothing() -> None:
    entered, opened = threading.Event(), threading.Event()

    def wait(tokens: Tensor) -> None:
        entered.set()
        assert opened.wait(PATIENCE)

    with serving(lambda: FakeNetwork(wait)) as address, clients(address) as (staying,):
        with clients(address) as (leaving,):
            for number in range(20):
                leaving.socket.send_multipart(frames_of(make_call(number)))
            assert entered.wait(PATIENCE)
            leaving.ping()  # all of it has arrived
        opened.set()
        call = make_call(99)
        np.testing.assert_allclose(staying.forward(call), expected(call), rtol=1e-6)
        assert staying.ping()["queued"] == 0


def test_wake_ups_do_not_pile_up() -> None:
    wakeup = Wakeup()
    for _ in range(100_000):  # more than a pipe holds
        wakeup.set()
    assert select.select([wakeup], [], [], 0)[0] == [wakeup]
    wakeup.clear()
    assert select.select([wakeup], [], [], 0)[0] == []
    wakeup.close()


# --- the endpoint


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("tcp://127.0.0.1:5555", "CURVE"),
        ("tcp://*:5555", "CURVE"),
        ("inproc://x", "not an ipc"),
        ("/tmp/x", "not an ipc"),
        ("ipc://", "not an ipc"),
        ("", "not an ipc"),
        ("ipc://@abstract", "permissions"),
        ("ipc://*", "permissions"),
        ("ipc:///tmp/" + "x" * MAX_PATH_BYTES, "bytes long"),
        ("ipc:///tmp/" + "ü" * (MAX_PATH_BYTES // 2), "bytes long"),
        ("ipc:///no/such/directory/s", "not a directory"),
        ("ipc:///etc/passwd/s", "not a directory"),
    ],
)
def test_an_address_that_cannot_work_is_refused(address: str, says: str) -> None:
    with pytest.raises(BackendError, match=says) as caught:
        Endpoint(address, own_directory=False)
    assert caught.value.code == "endpoint_invalid"


def test_a_shared_directory_is_not_taken_for_our_own() -> None:
    with temporary_directory() as directory:
        directory.chmod(0o755)
        with pytest.raises(BackendError, match="other users"):
            Endpoint(f"ipc://{directory}/s", own_directory=True)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_not_a_socket_is_left_alone(kind: str) -> None:
    with temporary_directory() as directory:
        path = directory / "s"
        if kind == "file":
            path.write_text("precious")
        elif kind == "directory":
            path.mkdir()
        else:
            path.symlink_to(directory / "elsewhere")
        with spawned(directory) as backend:
            code, lines = backend.end()
        assert (code, fatal(lines)["code"]) == (5, "endpoint_invalid")
        assert path.is_symlink() or path.exists()


def bind(path: Path) -> None:
    endpoint = Endpoint(f"ipc://{path}", own_directory=False)
    with zmq.Context() as context, open_router(context) as router:
        endpoint.bind(router)


def datagram_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def test_a_socket_of_another_kind_is_left_alone() -> None:
    with temporary_directory() as directory, datagram_socket() as it:
        it.bind(str(directory / "s"))
        with pytest.raises(BackendError, match="cannot be used") as caught:
            bind(directory / "s")
        assert caught.value.code == "endpoint_invalid"
        assert (directory / "s").exists()


def test_a_server_that_is_too_busy_to_accept_is_busy() -> None:
    with temporary_directory() as directory, contextlib.ExitStack() as open_sockets:
        path = str(directory / "s")
        server = open_sockets.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen(0)
        while True:
            waiting = open_sockets.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            if waiting.connect_ex(path):
                break
        with pytest.raises(BackendError) as caught:
            bind(directory / "s")
        assert caught.value.code == "endpoint_busy"


def test_another_servers_socket_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_directory() as directory:
        path = directory / "s"
        endpoint = Endpoint(f"ipc://{path}", own_directory=False)
        monkeypatch.setattr(endpoint, "_identity", (0, 0))
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            endpoint.remove()
            assert path.exists()


def test_two_servers_do_not_claim_one_path_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "LOCK_SECONDS", 0.1)
    with (
        temporary_directory() as directory,
        endpoint_module._exclusive(directory),
        pytest.raises(BackendError, match="lock"),
        endpoint_module._exclusive(directory),
    ):
        pass


# --- the process


def fatal(lines: list[str]) -> dict[str, str]:
    """The error line, which is the last and the only one."""
    prefix = "remdm-backend: error "
    assert [line.startswith(prefix) for line in lines] == [False] * (len(lines) - 1) + [True]
    record: dict[str, str] = json.loads(lines[-1].removeprefix(prefix))
    assert record.keys() == {"code", "message", "remedy"}
    return record


def test_only_the_user_may_connect() -> None:
    with temporary_directory() as directory, spawned(directory) as backend:
        backend.wait_until_listening()
        assert stat.S_IMODE(backend.socket.stat().st_mode) == 0o600


def test_nothing_is_written_on_stdout() -> None:
    with temporary_directory() as directory, spawned(directory) as backend:
        backend.wait_until_listening()
        with clients(backend.address) as (client,):
            client.hello()
        backend.signal(signal.SIGTERM)
        code, lines = backend.end()
        assert backend.process.stdout is not None
        assert (code, backend.process.stdout.read()) == (0, b"")
    assert lines[0].endswith(f"listening on {backend.address}")
    assert "ready: fake" in lines[-1]


MANAGED = ("managed", "own-directory")


@pytest.mark.parametrize("behaviour", ["answers", "computes forever", "loads forever"])
@pytest.mark.parametrize("how", ["stdin", "SIGTERM"])
def test_a_managed_server_ends_at_once_and_leaves_nothing(behaviour: str, how: str) -> None:
    with temporary_directory() as directory, spawned(directory, behaviour, *MANAGED) as backend:
        backend.wait_until_listening()
        with clients(backend.address) as (client,):
            if behaviour == "loads forever":
                client.ping()
            else:
                client.hello()
                client.socket.send_multipart(frames_of(make_call(1)))
                while behaviour == "computes forever" and not client.ping()["busy"]:
                    time.sleep(0.01)
            if how == "stdin":
                backend.close_stdin()
            else:
                backend.signal(signal.SIGTERM)
            code, lines = backend.end()
        assert code == 0, lines
        assert not any("error" in line for line in lines)
        assert not directory.exists()


def test_a_managed_server_leaves_ctrl_c_to_its_parent() -> None:
    with temporary_directory() as directory, spawned(directory, "answers", *MANAGED) as backend:
        backend.wait_until_listening()
        with clients(backend.address) as (client,):
            for number in (signal.SIGINT, signal.SIGHUP):
                backend.signal(number)
                client.ping()
            assert client.hello()["type"] == "ready"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_server_started_by_hand_stops_on_signals(name: str) -> None:
    with temporary_directory() as directory, spawned(directory) as backend:
        backend.wait_until_listening()
        backend.close_stdin()  # says nothing to it
        with clients(backend.address) as (client,):
            client.hello()
            backend.signal(signal.Signals[name])
            assert backend.end()[0] == 0
        assert list(directory.iterdir()) == []


def test_a_killed_server_leaves_its_socket_and_the_next_one_takes_it() -> None:
    with temporary_directory() as directory:
        with spawned(directory) as backend:
            backend.wait_until_listening()
            backend.signal(signal.SIGKILL)
            backend.end()
        assert list(directory.iterdir()) == [backend.socket]
        with spawned(directory) as second, clients(second.address) as (client,):
            assert client.hello()["runtime"]["pid"] == second.process.pid


def test_a_socket_that_somebody_listens_on_is_busy() -> None:
    with temporary_directory() as directory, spawned(directory) as first:
        first.wait_until_listening()
        with spawned(directory) as second:
            code, lines = second.end()
        assert (code, fatal(lines)["code"]) == (4, "endpoint_busy")
        with clients(first.address) as (client,):
            assert client.hello()["runtime"]["pid"] == first.process.pid


@pytest.mark.parametrize(
    ("behaviour", "wire", "line"),
    [
        ("cannot load", "checkpoint_invalid", "checkpoint_invalid"),
        ("has a bug", "internal", "backend_start_failed"),
    ],
)
def test_a_managed_server_tells_why_it_cannot_load(behaviour: str, wire: str, line: str) -> None:
    with temporary_directory() as directory, spawned(directory, behaviour, *MANAGED) as backend:
        with clients(backend.address) as (client,):
            reply = client.hello()
            assert (reply["type"], reply["code"]) == ("error", wire)
            code, lines = backend.end()
        assert code == 3
        assert fatal(lines)["code"] == line
        assert fatal(lines)["message"] == reply["message"]
        assert not directory.exists()


@pytest.mark.parametrize("options", [(), MANAGED])
def test_a_server_that_cannot_load_ends_though_nobody_asks(options: tuple[str, ...]) -> None:
    with (
        temporary_directory() as directory,
        spawned(directory, "cannot load", *options) as backend,
    ):
        code, lines = backend.end()
    assert (code, fatal(lines)["code"]) == (3, "checkpoint_invalid")


def test_a_server_that_cannot_load_ends_once_somebody_knows() -> None:
    def load() -> FakeNetwork:
        raise BackendError("checkpoint_invalid", "It is not a checkpoint.", "Use another.")

    with (
        server_thread(load, Limits(), hello_grace=1e6) as (address, thread),
        clients(address) as (client,),
    ):
        assert client.hello()["code"] == "checkpoint_invalid"
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_signal_that_another_thread_gets_wakes_the_main_thread() -> None:
    wakeup = Wakeup()
    stopped: list[bool] = []
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in signals}
    other = threading.Thread(
        target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    )
    try:
        stop_on_signals(lambda: stopped.append(True), wakeup)
        # On the other thread the signal does not interrupt our wait, so only the pipe can end it.
        threading.Timer(0.5, other.start).start()
        assert select.select([wakeup], [], [], PATIENCE)[0] == [wakeup]
        other.join()
        assert stopped == [True]
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        wakeup.close()


def test_a_thread_that_dies_takes_the_process_with_it() -> None:
    with temporary_directory() as directory, spawned(directory, "panics", *MANAGED) as backend:
        code, lines = backend.end()
        assert (code, fatal(lines)["message"]) == (1, "BaseException: a panic")
        assert not directory.exists()


def test_answers_on_their_way_arrive_though_the_server_stops() -> None:
    with (
        temporary_directory() as directory,
        spawned(directory) as backend,
        clients(backend.address, 2) as (client, watcher),
    ):
        client.hello()
        for number in range(20):
            client.socket.send_multipart(frames_of(make_call(number)))
        client.send({"type": "ping", "id": 99})
        arrived = []
        while 99 not in arrived:  # then all calls have reached the server
            arrived.append(client.receive()[0]["id"])
        while watcher.ping()["busy"] or watcher.ping()["queued"]:
            time.sleep(0.01)
        backend.signal(signal.SIGTERM)
        assert backend.end()[0] == 0
        while len(arrived) < 21:
            arrived.append(client.receive()[0]["id"])
    assert sorted(arrived) == [*range(20), 99]
