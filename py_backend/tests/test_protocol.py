"""Decoding: what is a request, and what happens to everything else."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import fastjsonschema
import msgpack
import numpy as np
import pytest
from fake_backend import REPLY, frames_of, make_call

from remdm_backend.engine.row_results import Rows, TopRows
from remdm_backend.errors import BackendError, RequestError
from remdm_backend.model.statistics import StatisticName as ModelStatisticName
from remdm_backend.wire import protocol
from remdm_backend.wire.protocol import (
    ERROR_CODES,
    MAX_ID,
    PROTOCOL_VERSION,
    Forward,
    Guidance,
    Hello,
    Output,
    Ping,
    Release,
    Request,
    RequestDecoder,
    StatisticName,
    TopCut,
    check_adjustment,
    check_forward,
    encode,
    error_reply,
    pong,
    rows_reply,
    wanted_of,
)
from remdm_backend.wire.schemas import Validator, read_schema

DECODER = RequestDecoder()
ROOT = Path(__file__).resolve().parents[2]


def decode(*frames: bytes) -> Request:
    return DECODER.decode([memoryview(frame) for frame in frames])


def refusal(*frames: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(*frames)
    REPLY["error"](error_reply(caught.value.request_id, caught.value))
    return caught.value


def forward_frames(
    header: dict[str, Any] | None = None,
    *,
    shapes: tuple[Any, Any, Any] = ([2, 3], [2], [2]),
    dtypes: tuple[str, str, str] = ("int32", "float32", "int32"),
    tokens: list[int] | None = None,
    sigma: list[float] | None = None,
    rows: list[int] | None = None,
) -> list[bytes]:
    full = {
        "type": "forward",
        "id": 5,
        "output": "logits",
        "tensors": [
            {"dtype": dtype, "shape": shape} for dtype, shape in zip(dtypes, shapes, strict=True)
        ],
    }
    full |= header or {}
    return [
        msgpack.packb(full),
        np.array(tokens or [0, 1, 2, 3, 4, 5], "<i4").tobytes(),
        np.array(sigma or [0, 0.5], "<f4").tobytes(),
        np.array(rows if rows is not None else [0, 5], "<i4").tobytes(),
    ]


def test_the_version_is_the_sdks() -> None:
    source = (ROOT / "src/backend/wire/protocol.ts").read_text()
    assert f"PROTOCOL_VERSION = {PROTOCOL_VERSION};" in source


def test_the_error_codes_are_the_schemas() -> None:
    codes = read_schema("reply")["definitions"]["BackendErrorCode"]["enum"]
    assert frozenset(codes) == ERROR_CODES


def test_hello_and_ping() -> None:
    hello = decode(msgpack.packb({"type": "hello", "id": 3, "protocol": 6}))
    assert hello == Hello(3, 6)
    assert decode(msgpack.packb({"type": "ping", "id": 0})) == Ping(0)


@pytest.mark.parametrize("output", ["logits", "logprobs", "statistics"])
def test_forward_arrives_as_it_was_sent(output: Output) -> None:
    sent = make_call(9, batch=3, length=5, rows=[0, 4, 7, 14], output=output)
    got = decode(*frames_of(sent))
    assert isinstance(got, Forward)
    assert (got.id, got.output) == (9, output)
    np.testing.assert_array_equal(got.tokens, sent.tokens)
    np.testing.assert_array_equal(got.sigma, sent.sigma)
    np.testing.assert_array_equal(got.rows, sent.rows)
    assert (got.tokens.dtype, got.sigma.dtype, got.rows.dtype) == (np.int64, np.float32, np.int64)


def test_a_cache_has_a_name() -> None:
    got = decode(*frames_of(make_call(1, cache=7)))
    assert isinstance(got, Forward)
    assert got.cache == 7
    assert decode(msgpack.packb({"type": "release", "id": 4, "cache": 7})) == Release(4, 7)


@pytest.mark.parametrize("cache", [-1, 2**31, 2**63, 1.5, "1", None, True])
def test_no_other_name_is_taken(cache: object) -> None:
    with pytest.raises(RequestError):
        decode(msgpack.packb({"type": "release", "id": 4, "cache": cache}))
    frames = frames_of(make_call(1))
    header = msgpack.unpackb(frames[0]) | {"cache": cache}
    with pytest.raises(RequestError):
        decode(msgpack.packb(header), *frames[1:])


@pytest.mark.parametrize(
    "top",
    [
        *(TopCut(mass) for mass in (1e-300, 0.5, 1 - 2**-53)),
        *(TopCut(0.5, temperature) for temperature in (5e-324, 0.7, 1.7e308)),
        *(TopCut(None, 1, top_k) for top_k in (1, 2**31 - 1)),
        TopCut(0.5, 2, 7),
    ],
)
def test_forward_may_ask_for_the_top_of_its_rows(top: TopCut) -> None:
    got = decode(*frames_of(make_call(1, top=top)))
    assert isinstance(got, Forward)
    assert got.top == top
    assert wanted_of(got) != wanted_of(make_call(1))


def test_top_k_alone_has_the_same_rows_at_every_temperature() -> None:
    frames = frames_of(make_call(1, top=TopCut(top_k=3)))
    hotter = msgpack.packb(msgpack.unpackb(frames[0]) | {"temperature": 2})
    calls = decode(*frames), decode(hotter, *frames[1:])
    wanted = [wanted_of(call) for call in calls if isinstance(call, Forward)]
    assert len(wanted) == 2
    assert wanted[0] == wanted[1]


@pytest.mark.parametrize("mass", [0, 1, -0.5, 1.5, math.nan, math.inf, "0.5", None, True])
def test_no_other_mass_is_taken(mass: object) -> None:
    frames = frames_of(make_call(1))
    with pytest.raises(RequestError) as caught:
        decode(msgpack.packb(msgpack.unpackb(frames[0]) | {"topMass": mass}), *frames[1:])
    assert caught.value.request_id == 1


@pytest.mark.parametrize("said", [
    *({"topMass": 0.5, "temperature": t} for t in (0, -1, math.nan, math.inf, "1", None, True)),
    *({"topK": k} for k in (0, -1, 1.5, 2**31, math.nan, math.inf, "1", None, True)),
    {"temperature": 2},
])  # fmt: skip
def test_no_other_temperature_and_no_other_top_k_is_taken(said: dict[str, object]) -> None:
    frames = frames_of(make_call(1))
    with pytest.raises(RequestError) as caught:
        decode(msgpack.packb(msgpack.unpackb(frames[0]) | said), *frames[1:])
    assert caught.value.request_id == 1


@pytest.mark.parametrize("top", [TopCut(0.5), TopCut(top_k=2)])
@pytest.mark.parametrize("output", ["logprobs", "statistics"])
def test_only_logits_have_a_top(output: Output, top: TopCut) -> None:
    assert "for logits" in refusal(*frames_of(make_call(1, output=output, top=top))).message


def test_the_statistics_are_the_schemas_and_the_models() -> None:
    names = read_schema("request")["definitions"]["StatisticName"]["enum"]
    assert set(get_args(StatisticName)) == set(get_args(ModelStatisticName)) == set(names)


@pytest.mark.parametrize("statistics", [("entropy",), get_args(StatisticName), ("given", "max")])
def test_statistics_arrive_as_they_were_sent(statistics: tuple[StatisticName, ...]) -> None:
    sent = make_call(9, batch=3, rows=[0, 4, 7], output="statistics", statistics=statistics)
    got = decode(*frames_of(sent))
    assert isinstance(got, Forward)
    assert got.statistics == statistics
    if "given" in statistics:
        assert got.given is not None
        assert got.given.dtype == np.int64
        np.testing.assert_array_equal(got.given, sent.given)
    else:
        assert got.given is None
    check_forward(got, vocab_size=8, length=4)


@pytest.mark.parametrize(
    "names", [[], None, "max", ["max", "max"], ["masses"], ["max", "Max"], [1], {}, ["max", None]]
)
def test_no_other_list_of_statistics_is_taken(names: object) -> None:
    frames = frames_of(make_call(1, output="statistics", statistics=("max",)))
    error = refusal(msgpack.packb(msgpack.unpackb(frames[0]) | {"statistics": names}), *frames[1:])
    assert error.request_id == 1
    assert "statistic" in error.message


def test_statistics_are_listed_exactly_where_they_are_asked_for() -> None:
    header, *frames = frames_of(make_call(1, output="statistics", statistics=("max",)))
    fields = msgpack.unpackb(header)
    for output in ("logits", "logprobs"):
        error = refusal(msgpack.packb(fields | {"output": output}), *frames)
        assert error.message == f"statistics are listed, but {output} are asked for."
    del fields["statistics"]
    error = refusal(msgpack.packb(fields), *frames)
    assert error.message == "No statistics are listed; name at least one."


def test_a_token_is_given_for_each_row_exactly_where_its_statistic_is_named() -> None:
    sent = make_call(1, rows=[0, 2], output="statistics", statistics=("given",))
    header, *frames = frames_of(sent)
    fields = msgpack.unpackb(header)
    assert (
        "4 tensors: tokens and sigma and rows and given"
        in refusal(msgpack.packb(fields | {"tensors": fields["tensors"][:3]}), *frames[:3]).message
    )
    assert "3 tensors" in refusal(msgpack.packb(fields | {"statistics": ["max"]}), *frames).message
    for given, what in ((np.zeros(3), "3 tokens for 2 rows"), (np.zeros(0), "0 tokens for 2 rows")):
        wrong = frames_of(replace(sent, given=given))
        assert what in refusal(*wrong).message


@pytest.mark.parametrize("token", [-1, 8, 2**31 - 1])
def test_a_given_token_is_in_the_vocabulary(token: int) -> None:
    sent = make_call(1, rows=[0, 2], output="statistics", statistics=("given",))
    got = decode(*frames_of(replace(sent, given=np.array([7, token]))))
    with pytest.raises(RequestError, match=r"given token is outside \[0, 8\)"):
        check_forward(got, vocab_size=8, length=4)
    check_forward(decode(*frames_of(replace(sent, given=np.array([7, 0])))), vocab_size=8, length=4)


def guided(scale: float, masked: list[int], banned: list[int] | None = None) -> list[bytes]:
    """A call of 2 x 4 tokens from a vocabulary of 8, of which the last is the mask."""
    guidance = Guidance(scale, np.array(masked, dtype=np.int64))
    return frames_of(make_call(1, 2, rows=[1, 6], banned=banned, guidance=guidance))


def checked(*frames: bytes, is_causal: bool = False) -> Forward:
    got = decode(*frames)
    assert isinstance(got, Forward)
    check_forward(got, vocab_size=8, length=4)
    check_adjustment(got, vocab_size=8, mask_id=7, is_causal=is_causal)
    return got


@pytest.mark.parametrize("output", ["logits", "logprobs", "statistics"])
@pytest.mark.parametrize("banned", [None, [0], [0, 1, 2, 3, 4, 6]])
@pytest.mark.parametrize("masked", [None, [], [0, 7]])
def test_bans_and_guidance_arrive_as_they_were_sent(
    output: Output, banned: list[int] | None, masked: list[int] | None
) -> None:
    guidance = None if masked is None else Guidance(1.5, np.array(masked, dtype=np.int64))
    sent = make_call(9, 2, rows=[0, 4], output=output, banned=banned, guidance=guidance)
    got = checked(*frames_of(sent))
    assert (got.banned is None) == (banned is None)
    assert (got.guidance is None) == (masked is None)
    if got.banned is not None:
        assert (got.banned.dtype, got.banned.tolist()) == (np.int64, banned)
    if got.guidance is not None:
        assert got.guidance.scale == 1.5
        assert (got.guidance.masked.dtype, got.guidance.masked.tolist()) == (np.int64, masked)
    if output == "statistics":
        np.testing.assert_array_equal(got.given, sent.given)


def test_guidance_of_scale_0_is_none() -> None:
    assert checked(*guided(0, [0, 1])).guidance is None
    assert checked(*guided(0, [0, 1]), is_causal=True).guidance is None
    scale = checked(*guided(1e6, [])).guidance
    assert scale is not None
    assert scale.scale == 1e6


@pytest.mark.parametrize("scale", [-1, -1e-300, 1.1e6, math.nan, math.inf, "1", None, True, [1]])
def test_no_other_scale_is_taken(scale: object) -> None:
    frames = guided(1, [0])
    error = refusal(
        msgpack.packb(msgpack.unpackb(frames[0]) | {"guidanceScale": scale}), *frames[1:]
    )
    assert error.request_id == 1
    assert "guidanceScale" in error.message


@pytest.mark.parametrize("bans", [False, 1, 0, None, "true", [0]])
def test_that_tokens_are_banned_is_said_in_one_way(bans: object) -> None:
    frames = frames_of(make_call(1, banned=[0]))
    error = refusal(msgpack.packb(msgpack.unpackb(frames[0]) | {"bans": bans}), *frames[1:])
    assert "bans" in error.message


@pytest.mark.parametrize("scale", [0, 1])
@pytest.mark.parametrize("masked", [[-1], [8], [2, 2], [3, 1], [2**31 - 1], [-(2**31), 0]])
def test_masked_positions_are_ascending_ones_of_the_tokens(scale: int, masked: list[int]) -> None:
    assert "masked positions" in refusal(*guided(scale, masked)).message


@pytest.mark.parametrize(
    ("banned", "says"),
    [
        ([-1], "within"),
        ([8], "within"),
        ([2**31 - 1], "within"),
        ([2, 2], "ascending"),
        ([3, 1], "ascending"),
        ([7], "mask, 7,"),
        ([0, 7], "mask, 7,"),
        (list(range(7)), "leave one"),
    ],
)
def test_banned_tokens_are_ascending_ones_of_the_vocabulary_and_leave_one(
    banned: list[int], says: str
) -> None:
    with pytest.raises(RequestError, match=says) as caught:
        checked(*frames_of(make_call(1, banned=banned)))
    assert caught.value.request_id == 1


def test_no_banned_tokens_are_no_frame() -> None:
    assert "banned is empty" in refusal(*frames_of(make_call(1, banned=[]))).message


def test_frames_of_bans_and_guidance_come_exactly_where_the_header_says_so() -> None:
    header, *frames = guided(1, [0], banned=[1])
    fields = msgpack.unpackb(header)
    for name in ("bans", "guidanceScale"):
        less = {key: value for key, value in fields.items() if key != name}
        assert "carries 4 tensors" in refusal(msgpack.packb(less), *frames).message
    fields["tensors"] = fields["tensors"][:4]
    assert "carries 5 tensors" in refusal(msgpack.packb(fields), *frames[:4]).message


def test_an_autoregressive_model_is_not_guided() -> None:
    with pytest.raises(RequestError, match="knows no masks"):
        checked(*guided(1, [0]), is_causal=True)
    assert checked(*frames_of(make_call(1, banned=[0])), is_causal=True).guidance is None


def test_forward_may_ask_for_no_rows() -> None:
    got = decode(*frames_of(make_call(1, rows=[])))
    check_forward(got, vocab_size=8, length=4)
    assert got.rows.shape == (0,)


def test_unaligned_frames_are_read_and_copied() -> None:
    sent = make_call(2, batch=2)
    stores = [bytearray(b"\0" + frame) for frame in frames_of(sent)]
    got = DECODER.decode([memoryview(store)[1:] for store in stores])
    for store in stores:
        store[:] = bytes(len(store))
    assert isinstance(got, Forward)
    assert all(part.flags.aligned for part in (got.tokens, got.sigma, got.rows))
    np.testing.assert_array_equal(got.tokens, sent.tokens)


def test_an_integer_that_javascript_packed_as_a_float_is_an_integer() -> None:
    request = decode(msgpack.packb({"type": "ping", "id": float(2**40)}))
    assert request == Ping(2**40)
    assert isinstance(request.id, int)


HEADERS = {
    "not a record": ([1, 2], None),
    "a number": (7, None),
    "nil": (None, None),
    "empty": ({}, None),
    "no type": ({"id": 4}, 4),
    "unknown type": ({"type": "shutdown", "id": 4}, 4),
    "type of another kind": ({"type": ["ping"], "id": 4}, 4),
    "a reply": ({"type": "pong", "id": 4, "busy": False, "queued": 0}, 4),
    "no id": ({"type": "ping"}, None),
    "negative id": ({"type": "ping", "id": -1}, None),
    "id is text": ({"type": "ping", "id": "4"}, None),
    "id is a truth value": ({"type": "ping", "id": True}, None),
    "id is nil": ({"type": "ping", "id": None}, None),
    "id is a fraction": ({"type": "ping", "id": 1.5}, None),
    "id is infinite": ({"type": "ping", "id": math.inf}, None),
    "id is not a number": ({"type": "ping", "id": math.nan}, None),
    "id is huge": ({"type": "ping", "id": MAX_ID + 1}, None),
    "id is a huge float": ({"type": "ping", "id": 1e300}, None),
    "extra key": ({"type": "ping", "id": 4, "more": 1}, 4),
    "no protocol": ({"type": "hello", "id": 4}, 4),
    "protocol is text": ({"type": "hello", "id": 4, "protocol": "1"}, 4),
    "key is a number": ({"type": "ping", "id": 4, 5: 6}, None),
    "key is a list": ({"type": "ping", "id": 4, (1, 2): 6}, None),
    "binary": ({"type": "ping", "id": b"4"}, None),
    "extension": ({"type": "ping", "id": msgpack.ExtType(5, b"xyz")}, None),
    "timestamp": ({"type": "ping", "id": msgpack.Timestamp(0)}, None),
    "text that is too long": ({"type": "p" * 2000, "id": 4}, None),
    "too many keys": ({str(key): 0 for key in range(100)}, None),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_bad_header_is_refused(case: str) -> None:
    header, request_id = HEADERS[case]
    error = refusal(msgpack.packb(header))
    assert error.code == "request_invalid"
    assert error.request_id == request_id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x81\xa4type",
        msgpack.packb({"type": "ping", "id": 1}) + b"\0",
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 16_000,
        b"\x81\xa1a" * 5_000,
        b"\xa4\xff\xfe\xfd\xfc",
        b"\0" * 20_000,
    ],
    ids=lambda raw: f"{raw[:6]!r} of {len(raw)}",
)
def test_bytes_that_are_no_header_are_refused(raw: bytes) -> None:
    assert refusal(raw).request_id is None


def test_ping_with_a_tensor_is_refused() -> None:
    assert "no tensors" in refusal(msgpack.packb({"type": "ping", "id": 1}), b"1234").message


HUGE = 2**63 - 1
BAD_FORWARDS = {
    "no such output": forward_frames({"output": "probs"}),
    "output missing": forward_frames({"output": None}),
    "two tensors described": forward_frames(
        {"tensors": [{"dtype": "int32", "shape": [6]}, {"dtype": "int32", "shape": [2]}]}
    ),
    "tensor spec with more": forward_frames({"tensors": [{"dtype": "int32", "shape": [], "x": 1}]}),
    "a hundred tensors": forward_frames({"tensors": [{"dtype": "int32", "shape": [1]}] * 60}),
    "frame missing": forward_frames()[:-1],
    "frame too many": [*forward_frames(), b""],
    "frame truncated": [*forward_frames()[:-1], b"\0\0\0"],
    "frame too long": [*forward_frames()[:-1], b"\0" * 12],
    "tokens are floats": forward_frames(dtypes=("float32", "float32", "int32")),
    "sigma in bfloat16": forward_frames(dtypes=("int32", "bfloat16", "int32")),
    "dtype unknown": forward_frames(dtypes=("int32", "float64", "int32")),
    "dtype is a pickle": forward_frames(dtypes=("O", "O", "O")),
    "tokens of one dimension": forward_frames(shapes=([6], [2], [2])),
    "sigma of no dimension": forward_frames(shapes=([2, 3], [], [2])),
    "shape is nil": forward_frames(shapes=([2, 3], None, [2])),
    "shape is negative": forward_frames(shapes=([-2, -3], [2], [2])),
    "shape is text": forward_frames(shapes=(["2", 3], [2], [2])),
    "shape is a fraction": forward_frames(shapes=([2.5, 3], [2], [2])),
    "shape overflows": forward_frames(shapes=([HUGE, HUGE], [2], [2])),
    "shape wraps around to the size": forward_frames(shapes=([2**62, 2**3], [2], [2])),
    "shape is a huge float": forward_frames(shapes=([1e300, 3], [2], [2])),
    "nothing times much": [*forward_frames(shapes=([0, HUGE], [2], [2]))[:1], b"", b"", b""],
    "no sequences": [
        *forward_frames(shapes=([0, 4], [0], [0]))[:1],
        *(b"", b"", b""),
    ],
    "no positions": [*forward_frames(shapes=([2, 0], [2], [0]))[:1], b"", b"\0" * 8, b""],
    "sigma of another batch": forward_frames(shapes=([3, 2], [2], [2])),
}


@pytest.mark.parametrize("case", BAD_FORWARDS)
def test_a_bad_forward_is_refused(case: str) -> None:
    assert refusal(*BAD_FORWARDS[case]).request_id == 5 or case == "frame too many"


def test_too_many_sequences_are_refused() -> None:
    batch = protocol.MAX_SEQUENCES + 1
    assert "at most" in refusal(*frames_of(make_call(1, batch, 1, rows=[]))).message


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (forward_frames(tokens=[0, 1, 2, 3, 4, 6]), "token"),
        (forward_frames(tokens=[0, 1, 2, 3, 4, -1]), "token"),
        (forward_frames(sigma=[0, -0.1]), "sigma"),
        (forward_frames(sigma=[0, math.nan]), "sigma"),
        (forward_frames(sigma=[math.inf, 1]), "sigma"),
        (forward_frames(rows=[-1, 2]), "row"),
        (forward_frames(rows=[0, 6]), "row"),
        (forward_frames(rows=[3, 2]), "ascending"),
        (forward_frames(rows=[2, 2]), "ascending"),
    ],
)
def test_values_that_do_not_fit_the_model_are_refused(frames: list[bytes], says: str) -> None:
    with pytest.raises(RequestError, match=says) as caught:
        check_forward(decode(*frames), vocab_size=6, length=3)
    assert caught.value.request_id == 5


def test_a_sequence_longer_than_the_models_is_refused() -> None:
    call = decode(*forward_frames())
    check_forward(call, vocab_size=6, length=3)
    with pytest.raises(RequestError, match="takes 2"):
        check_forward(call, vocab_size=6, length=2)


def test_an_answer_that_would_be_too_large_is_refused() -> None:
    call = make_call(1, batch=4, length=1000)
    with pytest.raises(RequestError, match="4000 rows"):
        check_forward(call, vocab_size=1_000_000, length=1000)


def test_random_bytes_never_raise_anything_else() -> None:
    rng = random.Random(0)
    seen = 0
    for _ in range(3000):
        frames = [rng.randbytes(rng.choice((0, 1, 8, 24, 200))) for _ in range(rng.randint(1, 5))]
        refusal(*frames)
        seen += 1
    assert seen == 3000


def test_damaged_requests_are_refused_or_read_whole() -> None:
    rng = random.Random(1)
    refused = 0
    for _ in range(3000):
        frames = forward_frames()
        header = bytearray(frames[0])
        for _ in range(rng.randint(1, 3)):
            header[rng.randrange(len(header))] = rng.randrange(256)
        try:
            got = decode(bytes(header), *frames[1:])
        except RequestError as error:
            REPLY["error"](msgpack.unpackb(encode(error_reply(error.request_id, error))))
            refused += 1
        else:
            assert got.tokens.shape[0] == len(got.sigma)
    assert 2000 < refused < 3000


def test_replies_fit_the_schema() -> None:
    REPLY["pong"](pong(1, busy=True, queued=3))
    error = BackendError("out_of_memory", "message", "remedy")
    REPLY["error"](error_reply(None, error))
    assert error_reply(1, error)["code"] == "out_of_memory"
    header, _ = rows_reply(4, Rows(np.zeros((2, 3), np.float32)))
    REPLY["rows"](msgpack.unpackb(header))


def test_a_code_that_the_wire_lacks_travels_as_internal() -> None:
    reply = error_reply(1, BackendError("backend_start_failed", "message", "remedy"))
    REPLY["error"](reply)
    assert (reply["code"], reply["message"]) == ("internal", "message")


def test_the_rows_of_a_reply_are_not_copied() -> None:
    batch = np.arange(12, dtype=np.float32).reshape(4, 3)
    _, frame = rows_reply(1, Rows(batch[1:3]))
    batch[1, 0] = 99
    assert np.frombuffer(frame, np.float32)[0] == 99
    assert len(bytes(frame)) == 2 * 3 * 4


def test_bfloat16_travels_as_its_bits() -> None:
    bits = np.array([[0x3F80, 0xC000]], np.uint16)
    header, frame = rows_reply(1, Rows(bits))
    assert msgpack.unpackb(header)["tensors"] == [{"dtype": "bfloat16", "shape": [1, 2]}]
    assert bytes(frame) == b"\x80\x3f\x00\xc0"


def test_the_top_of_rows_is_five_views_of_its_arrays() -> None:
    batch = TopRows(
        np.array([2, 0, 1], np.int32),
        np.array([3, 5, 4], np.int32),
        np.array([1.5, 2, 7], np.float32),
        np.array([0.25, 0, 0.5]),
        np.array([2.5, 3, 7.5]),
    )
    header, *frames = rows_reply(1, batch.part(slice(1, 3)))
    reply = msgpack.unpackb(header)
    REPLY["topRows"](reply)
    assert [(spec["dtype"], spec["shape"]) for spec in reply["tensors"]] == [
        ("int32", [2]),
        ("int32", [1]),
        ("float32", [1]),
        ("float64", [2]),
        ("float64", [2]),
    ]
    batch.ids[2] = 99
    batch.rest[2] = 0.75
    assert np.frombuffer(frames[0], np.int32).tolist() == [0, 1]
    assert np.frombuffer(frames[1], np.int32).tolist() == [99]
    assert np.frombuffer(frames[2], np.float32).tolist() == [7]
    assert np.frombuffer(frames[3], np.float64).tolist() == [0, 0.75]
    assert np.frombuffer(frames[4], np.float64).tolist() == [3, 7.5]


def test_a_missing_schema_is_an_error_that_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REMDM_SCHEMAS", str(tmp_path))
    with pytest.raises(BackendError, match=re.escape(str(tmp_path / "request.json"))):
        RequestDecoder()


def test_a_type_of_message_is_compiled_when_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_schema = fastjsonschema.compile

    def counted(schema: dict[str, Any]) -> Validator:
        compiled.append(schema["properties"]["type"]["const"])
        validator: Validator = compile_schema(schema)
        return validator

    monkeypatch.setattr(fastjsonschema, "compile", counted)
    decoder = RequestDecoder()
    ping = [memoryview(msgpack.packb({"type": "ping", "id": 1}))]
    assert [decoder.decode(ping), decoder.decode(ping)] == [Ping(1), Ping(1)]
    assert compiled == ["ping"]
