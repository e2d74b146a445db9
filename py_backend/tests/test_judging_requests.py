"""Evaluations on the wire: what is a request, what is refused, and that both kinds of work share a
device without waiting for each other."""

from __future__ import annotations

import math
import queue
import random
from collections.abc import Iterator
from typing import Any

import msgpack
import numpy as np
import pytest
from fake_backend import (
    PATIENCE,
    REPLY,
    Client,
    FakeCard,
    FakeNetwork,
    clients,
    expected,
    make_call,
    serving,
)
from fake_backend import frames_of as forward_frames
from numpy.typing import NDArray
from running_engine import Gate

from remdm_backend.engine.engine import Answered, Engine, Evaluated, Event, Failed, Loaded
from remdm_backend.engine.scheduler import Call, Job, Limits
from remdm_backend.errors import RequestError
from remdm_backend.judging import judgement
from remdm_backend.wire.judging import (
    LEAST_TEXTS,
    Evaluation,
    Features,
    Likelihood,
    Mauve,
    MauveSettings,
    check_texts,
)
from remdm_backend.wire.protocol import Request, RequestDecoder, error_reply, evaluated_reply

DECODER = RequestDecoder()
SETTINGS = {"seed": 3, "scale": 5, "explainedVariance": 0.9, "redo": 5, "maxIterations": 500}


def frames_of(
    kind: str,
    arrays: list[NDArray[Any]],
    *,
    dtypes: tuple[str, str] | None = None,
    **header: object,
) -> list[bytes]:
    specs = [
        {"dtype": dtype, "shape": list(array.shape)}
        for dtype, array in zip(dtypes or [a.dtype.name for a in arrays], arrays, strict=True)
    ]
    packed = msgpack.packb({"type": kind, "id": 5, "tensors": specs, **header})
    return [packed, *(array.tobytes() for array in arrays)]


def texts_frames(
    kind: str = "likelihood",
    tokens: tuple[int, ...] = (1, 2, 3),
    lengths: tuple[int, ...] = (2, 1),
    **header: object,
) -> list[bytes]:
    return frames_of(kind, [np.array(tokens, "<i4"), np.array(lengths, "<i4")], **header)


def mauve_frames(
    p: NDArray[Any] | None = None, q: NDArray[Any] | None = None, **changes: object
) -> list[bytes]:
    p = np.arange(60, dtype="<f4").reshape(20, 3) if p is None else p
    q = np.ones((25, 3), "<f4") if q is None else q
    header = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not None}
    return frames_of("mauve", [p, q], **header)


def decode(frames: list[bytes]) -> Request:
    return DECODER.decode([memoryview(frame) for frame in frames])


def refusal(frames: list[bytes]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(frames)
    REPLY["error"](error_reply(caught.value.request_id, caught.value))
    return caught.value


def test_texts_arrive_as_they_were_sent() -> None:
    got = decode(texts_frames(tokens=(4, 5, 6), lengths=(2, 0, 1), eos=6))
    assert isinstance(got, Likelihood)
    assert (got.id, got.eos, len(got.texts)) == (5, 6, 3)
    assert [text.tolist() for text in got.texts.each()] == [[4, 5], [], [6]]
    bare = decode(texts_frames())
    assert isinstance(bare, Likelihood)
    assert bare.eos is None
    got = decode(texts_frames("features"))
    assert isinstance(got, Features)
    assert [text.tolist() for text in got.texts.each()] == [[1, 2], [3]]
    empty = decode(texts_frames(tokens=(), lengths=(0, 0)))
    assert isinstance(empty, Likelihood)
    assert [text.tolist() for text in empty.texts.each()] == [[], []]


def test_features_and_settings_of_mauve_arrive_as_they_were_sent() -> None:
    got = decode(mauve_frames())
    assert isinstance(got, Mauve)
    np.testing.assert_array_equal(got.p, np.arange(60).reshape(20, 3))
    np.testing.assert_array_equal(got.q, np.ones((25, 3)))
    assert got.settings == MauveSettings(seed=3)
    got = decode(mauve_frames(buckets=7, explainedVariance=0.5, scale=2.5, redo=1, maxIterations=9))
    assert isinstance(got, Mauve)
    assert got.settings == MauveSettings(3, 2.5, 7, 0.5, 1, 9)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (texts_frames(lengths=(2, 2)), "add up to 4, where 3 tokens"),
        (texts_frames(lengths=(4, -1)), "has -1 tokens"),
        (texts_frames(lengths=()), "lengths is empty"),
        (texts_frames("features", lengths=(3, 0)), "has 0 tokens, not 1"),
        (texts_frames(lengths=(2**31 - 1, 2**31 - 1)), "add up to 4294967294"),
        (texts_frames()[:2], "carries 2 tensors: tokens and lengths"),
        ([*texts_frames(), b""], "carries 2 tensors"),
        (texts_frames(tokens=(0,) * 20_000, lengths=(1,) * 20_000), "at most 16384 texts"),
        ([texts_frames()[0], b"123", b"12345678"], "3 bytes where its shape needs 12"),
        (texts_frames(eos=-1), "eos"),
        (texts_frames(eos=2**31), "eos"),
        (frames_of("features", [np.ones(3, "<f4"), np.array([3], "<i4")]), "tokens must be int32"),
        (frames_of("features", [np.ones((1, 3), "<i4"), np.array([3], "<i4")]), "1 dimensions"),
        (mauve_frames(q=np.ones((19, 3), "<f4")), f"at least {LEAST_TEXTS} samples and got 19"),
        (mauve_frames(p=np.ones((2, 3), "<f4")), "at least 20 references and got 2"),
        (mauve_frames(q=np.ones((20, 4), "<f4")), "p has 3 features of a text and q 4"),
        (mauve_frames(q=np.full((20, 3), math.nan, "<f4")), "samples are not all finite"),
        (mauve_frames(p=np.full((20, 3), math.inf, "<f4")), "references are not all finite"),
        (mauve_frames(p=np.ones((20, 0), "<f4"), q=np.ones((20, 0), "<f4")), "p is empty"),
        (mauve_frames(buckets=46), "46 clusters are more than the 45 texts"),
        (mauve_frames(buckets=1), "buckets"),
        (mauve_frames(seed=2**31 - 2), "seed"),
        (mauve_frames(seed=None), "seed"),
        (mauve_frames(scale=0), "scale"),
        (mauve_frames(scale=math.nan), "not a number"),
        (mauve_frames(explainedVariance=0.9991), "explainedVariance"),
        (mauve_frames(redo=0), "redo"),
        (mauve_frames(maxIterations=1e9), "maxIterations"),
        (mauve_frames(more=1), "more"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(frames: list[bytes], says: str) -> None:
    error = refusal(frames)
    assert says in error.message
    assert error.request_id == 5


def test_too_few_texts_for_mauve_are_told_why() -> None:
    error = refusal(mauve_frames(q=np.ones((5, 3), "<f4")))
    assert "one cluster for every 10 texts, and two are the least" in error.message
    assert "Give 20 or more" in error.remedy


def test_texts_that_do_not_fit_the_model_are_refused() -> None:
    likelihood, features = decode(texts_frames()), decode(texts_frames("features"))
    assert isinstance(likelihood, Likelihood)
    assert isinstance(features, Features)
    for request in (likelihood, features):
        check_texts(request, vocab_size=4, length=2)
        with pytest.raises(RequestError, match="outside"):
            check_texts(request, vocab_size=3, length=2)
    check_texts(likelihood, vocab_size=4, length=1)  # judged in chunks
    with pytest.raises(RequestError, match="2 tokens, the judge takes 1"):
        check_texts(features, vocab_size=4, length=1)


def test_damaged_requests_are_refused_or_read_whole() -> None:
    rng = random.Random(1)
    refused = 0
    for number in range(3000):
        frames = mauve_frames() if number % 2 else texts_frames(eos=2)
        header = bytearray(frames[0])
        for _ in range(rng.randint(1, 4)):
            header[rng.randrange(len(header))] = rng.randrange(256)
        try:
            decode([bytes(header), *frames[1:]])
        except RequestError as error:
            REPLY["error"](error_reply(error.request_id, error))
            refused += 1
    assert 2000 < refused < 3000


def test_the_answer_fits_the_schema() -> None:
    header, *frames = evaluated_reply(7, [np.ones(2, np.float64), np.ones(2, np.int32)])
    reply = msgpack.unpackb(header)
    REPLY["evaluated"](reply)
    assert reply["id"] == 7
    assert reply["tensors"] == [
        {"dtype": "float64", "shape": [2]},
        {"dtype": "int32", "shape": [2]},
    ]
    assert [memoryview(frame).nbytes for frame in frames] == [16, 8]


# --- beside forwards


def ask(client: Client, frames: list[bytes]) -> dict[str, Any]:
    client.socket.send_multipart(frames)
    return client.receive()[0]


def test_a_model_to_sample_from_judges_nothing_and_the_server_goes_on() -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        for kind in ("likelihood", "features"):
            error = ask(client, texts_frames(kind))
            assert error["code"] == "request_invalid"
            assert "does not judge texts" in error["message"]
            assert "Judge.launch" in error["remedy"]
        call = make_call(3)
        np.testing.assert_allclose(client.forward(call), expected(call), rtol=1e-5)


class FakeJudge:
    """No network: it has nothing to ask forwards of."""

    attention = "sdpa"

    def __init__(self) -> None:
        import torch

        self.card = FakeCard(kind="ar")
        self.device = torch.device("cpu")
        self.dtype = torch.float32


def test_a_judge_cannot_be_sampled_from() -> None:
    with serving(FakeJudge) as address, clients(address) as (client,):
        assert client.hello()["model"]["kind"] == "ar"
        error = ask(client, forward_frames(make_call(3)))
        assert error["code"] == "request_invalid"
        assert "cannot be sampled from" in error["message"]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Engine, Gate, queue.Queue[Event]]]:
    """An engine whose first forward waits; evaluations give their id, or fail when it is 13."""

    def judge(model: object, request: Evaluation) -> list[NDArray[Any]]:
        if request.id == 13:
            raise ZeroDivisionError("unlucky")
        return [np.array([request.id])]

    monkeypatch.setattr(judgement, "judge", judge)
    gate = Gate()
    events: queue.Queue[Event] = queue.Queue()
    engine = Engine(lambda: FakeNetwork(gate), events.put, Limits(sequences=1))
    engine.start()
    assert isinstance(events.get(timeout=PATIENCE), Loaded)
    yield engine, gate, events
    gate.opened.set()
    engine.stop()
    engine.join(PATIENCE)


def job(number: int) -> Job:
    got = decode(texts_frames())
    assert isinstance(got, Likelihood)
    return Job(b"judge", Likelihood(number, got.texts))


def test_jobs_and_batches_take_turns_in_order_of_arrival(
    running: tuple[Engine, Gate, queue.Queue[Event]],
) -> None:
    engine, gate, events = running
    engine.submit(Call(b"sampler", make_call(1)))
    assert gate.entered.wait(PATIENCE)
    for number in (101, 13, 103):
        engine.submit_job(job(number))
    for number in (2, 3):
        engine.submit(Call(b"sampler", make_call(number)))
    assert (engine.busy, engine.queued) == (True, 5)
    gate.opened.set()
    order = []
    for _ in range(6):
        event = events.get(timeout=PATIENCE)
        if isinstance(event, Evaluated):
            assert event.job.answer[0].tolist() == [event.job.request.id]
            order.append(event.job.request.id)
        elif isinstance(event, Failed):
            assert event.error.code == "internal"
            order.append(event.call.request.id)
        else:
            assert isinstance(event, Answered)
            order.append(event.call.request.id)
    assert order == [1, 101, 2, 13, 3, 103]
    assert engine.queued == 0
