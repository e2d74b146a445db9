"""The wire protocol, version 6: ``[header, frame, frame, ...]``.

``src/backend/wire/protocol.ts`` defines it.

The header is a msgpack record that the JSON schemas describe; each frame is one tensor, raw and
little endian. Nothing that arrives is trusted: sizes are bounded before anything is allocated,
arithmetic on them is Python's (no overflow), and every index is checked before a network sees it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import fastjsonschema
import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from remdm_backend.errors import BackendError, RequestError
from remdm_backend.wire.chat import Render, Rendering, read_render
from remdm_backend.wire.judging import READERS, Evaluation
from remdm_backend.wire.schemas import Validators
from remdm_backend.wire.tensor_frames import MAX_SEQUENCES, read_tensors

PROTOCOL_VERSION = 6

MAX_HEADER_BYTES = 16 * 1024
MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_FRAMES = 7
"""Header, tokens, sigma, rows, given, banned, masked."""
MAX_GUIDANCE = 1e6
MAX_ANSWER_BYTES = 4 * 1024**3
MAX_ID = 2**53 - 1
"""The largest integer that JavaScript holds exactly."""

ERROR_CODES = frozenset(
    {
        "checkpoint_missing",
        "checkpoint_invalid",
        "checkpoint_unsupported",
        "device_unavailable",
        "out_of_memory",
        "package_missing",
        "protocol_mismatch",
        "request_invalid",
        "template_missing",
        "template_invalid",
        "template_failed",
        "internal",
    }
)
"""What an error reply may say; ``schemas/reply.json`` has the same list."""

Output: TypeAlias = Literal["logits", "logprobs", "statistics"]
StatisticName: TypeAlias = Literal[
    "logMass", "maskLogit", "max", "argmax", "second", "entropy", "given"
]
"""As in ``model/statistics.py``, which says what each means."""
Header: TypeAlias = dict[str, Any]

_WIRE_NAMES = {
    "float32": "float32",
    "uint16": "bfloat16",
    "int32": "int32",
    "float64": "float64",
    "uint8": "uint8",
}
_FORWARD_TENSORS = (("tokens", "int32", 2), ("sigma", "float32", 1), ("rows", "int32", 1))
_GIVEN_TENSOR = ("given", "int32", 1)
_BANNED_TENSOR = ("banned", "int32", 1)
_MASKED_TENSOR = ("masked", "int32", 1)


@dataclass(frozen=True)
class Hello:
    id: int
    protocol: int


@dataclass(frozen=True)
class Ping:
    id: int


class TopCut(NamedTuple):
    """Which tokens of a row are asked for (``model/top_rows.py``); mass or top-k is there."""

    mass: float | None = None
    """Only what a nucleus of this mass in (0, 1) can hold."""
    temperature: float = 1.0
    """Of the mass, in (0, inf); 1 where there is no mass."""
    top_k: int | None = None
    """Only this many of the likeliest, at least 1."""


@dataclass(frozen=True, eq=False)
class Guidance:
    """``scale`` in (0, MAX_GUIDANCE]; ``masked [M]``, ascending flat indices ``b * L + l`` of what
    the unconditional forward sees as masks."""

    scale: float
    masked: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forward:
    """One call: ``tokens [B, L]``, ``sigma [B]``, ``rows [N]`` (flat ``b * L + l``, ascending)."""

    id: int
    output: Output
    tokens: NDArray[np.int64]
    sigma: NDArray[np.float32]
    rows: NDArray[np.int64]
    cache: int | None = None
    """Name under which the client may ask about the same tokens again."""
    top: TopCut | None = None
    """Of each row only these tokens; for ``logits`` alone."""
    statistics: tuple[StatisticName, ...] = ()
    """What each row is reduced to, in this order; for ``statistics`` alone, and never empty there.
    """
    given: NDArray[np.int64] | None = None
    """``[N]``: the token of each row whose probability the statistic ``given`` is."""
    banned: NDArray[np.int64] | None = None
    """``[K]``, ascending and never empty: tokens whose logits are -inf in every row."""
    guidance: Guidance | None = None


@dataclass(frozen=True)
class Release:
    """The client will not use this cache any more."""

    id: int
    cache: int


class ForwardAnswer(Protocol):
    """What a forward is answered with (``engine/row_results.py``)."""

    @property
    def reply_type(self) -> Literal["rows", "topRows"]: ...
    @property
    def tensors(self) -> Sequence[NDArray[Any]]: ...


Request: TypeAlias = Hello | Ping | Forward | Release | Render | Evaluation


class RequestDecoder:
    """Bytes to typed requests. Construction reads the schemas."""

    def __init__(self) -> None:
        self._validators = Validators("request")

    def decode(self, frames: Sequence[memoryview]) -> Request:
        """Decode ``frames`` (header first); raise RequestError. It copies what it keeps."""
        header = _unpack(frames)
        request_id = _readable_id(header)
        try:
            validate = self._validators[header["type"]]
        except (KeyError, TypeError):
            known = ", ".join(self._validators)
            raise RequestError(request_id, f"The message has no type among {known}.") from None
        try:
            validate(header)
        except fastjsonschema.JsonSchemaException as error:
            raise RequestError(request_id, f"Invalid header: {str(error)[:300]}.") from error
        if request_id is None:
            raise RequestError(None, f"Invalid header: id must be at most {MAX_ID}.")
        if header["type"] == "forward":
            return _forward(request_id, header, frames[1:])
        if header["type"] == "render":
            return read_render(request_id, header, frames[1:])
        if header["type"] in READERS:
            return READERS[header["type"]](request_id, header, frames[1:])
        if len(frames) != 1:
            raise RequestError(request_id, f"{header['type']} carries no tensors.")
        if header["type"] == "hello":
            return Hello(request_id, int(header["protocol"]))
        if header["type"] == "release":
            return Release(request_id, int(header["cache"]))
        return Ping(request_id)


class Wanted(Protocol):
    """What a call, or a batch of calls, wants of its rows."""

    @property
    def output(self) -> Output: ...
    @property
    def top(self) -> TopCut | None: ...
    @property
    def statistics(self) -> tuple[StatisticName, ...]: ...
    @property
    def banned(self) -> NDArray[np.int64] | None: ...
    @property
    def guidance(self) -> Guidance | None: ...


def wanted_of(call: Wanted) -> tuple[object, ...]:
    """Return what calls have in common that can share a forward."""
    banned = None if call.banned is None else call.banned.tobytes()
    scale = None if call.guidance is None else call.guidance.scale
    return (call.output, call.top, call.statistics, banned, scale)


def forwards_of(call: Wanted) -> int:
    """Return how often the network computes each sequence."""
    return 1 if call.guidance is None else 2


def width_of(call: Wanted, vocab_size: int) -> int:
    """Return how many numbers answer each row."""
    return len(call.statistics) if call.output == "statistics" else vocab_size


def check_forward(call: Forward, *, vocab_size: int, length: int) -> None:
    """Refuse a call that does not fit the model: its vocabulary V and longest sequence."""
    batch, call_length = call.tokens.shape
    if call_length > length:
        raise RequestError(
            call.id,
            f"The sequences have {call_length} tokens, the model takes {length}.",
            f"Ask for at most {length} tokens.",
        )
    # Every call is looked at in the I/O loop: few passes, and a NaN fails the comparison.
    if not (call.tokens.min() >= 0 and call.tokens.max() < vocab_size):
        raise RequestError(call.id, f"A token is outside [0, {vocab_size}).")
    if not (call.sigma.min() >= 0 and call.sigma.max() < math.inf):
        raise RequestError(call.id, "A sigma is negative or not finite.")
    rows = call.rows
    _check_ascending(call.id, "rows", rows, batch * call_length)
    given = call.given
    if given is not None and ((given < 0) | (given >= vocab_size)).any():
        raise RequestError(call.id, f"A given token is outside [0, {vocab_size}).")
    width = width_of(call, vocab_size)
    if rows.size * width * 4 > MAX_ANSWER_BYTES:
        raise RequestError(
            call.id,
            f"{rows.size} rows of {width} values are more than an answer may hold.",
            f"Ask for at most {MAX_ANSWER_BYTES // (4 * width)} rows in one call.",
        )


def check_adjustment(call: Forward, *, vocab_size: int, mask_id: int, is_causal: bool) -> None:
    """Refuse bans and guidance that do not fit the model."""
    banned = call.banned
    if banned is not None:
        _check_ascending(call.id, "banned tokens", banned, vocab_size)
        if (banned == mask_id).any():
            raise RequestError(call.id, f"The mask, {mask_id}, cannot be banned.")
        if len(banned) >= vocab_size - 1:
            raise RequestError(call.id, "All tokens are banned; leave one at least.")
    if call.guidance is not None and is_causal:
        raise RequestError(
            call.id,
            "Guidance is for masked models: an autoregressive one knows no masks.",
            "Leave guidanceScale and masked out.",
        )


def _check_ascending(
    request_id: int, name: str, values: NDArray[np.int32] | NDArray[np.int64], limit: int
) -> None:
    if values.size == 0:
        return
    if not (values[0] >= 0 and values[-1] < limit):
        raise RequestError(request_id, f"The {name} are not all within [0, {limit}).")
    if not (values[1:] > values[:-1]).all():
        raise RequestError(request_id, f"The {name} are not strictly ascending.")


def encode(header: Header) -> bytes:
    """Pack the header frame of a reply."""
    packed: bytes = msgpack.packb(header)
    return packed


def pong(request_id: int, *, busy: bool, queued: int) -> Header:
    return {"type": "pong", "id": request_id, "busy": busy, "queued": queued}


def released(request_id: int) -> Header:
    return {"type": "released", "id": request_id}


def rows_reply(request_id: int, answer: ForwardAnswer) -> list[bytes | memoryview]:
    """Return header and frames for ``answer``; the frames are views of its arrays, not copies."""
    return _with_tensors(answer.reply_type, request_id, answer.tensors)


def evaluated_reply(request_id: int, arrays: Sequence[NDArray[Any]]) -> list[bytes | memoryview]:
    """Return header and frames; the frames are views of ``arrays``."""
    return _with_tensors("evaluated", request_id, arrays)


def rendered_reply(request_id: int, rendering: Rendering) -> list[bytes | memoryview]:
    """Return header and frames: the text in UTF-8, and the tokens that end an answer."""
    # A template can make half a surrogate pair out of an escape; no text has one.
    text = np.frombuffer(rendering.text.encode("utf-8", "replace"), np.uint8)
    end_ids = np.array(rendering.end_ids, np.int32)
    return _with_tensors("rendered", request_id, [text, end_ids])


def _with_tensors(
    kind: str, request_id: int, arrays: Sequence[NDArray[Any]]
) -> list[bytes | memoryview]:
    specs, frames = [], []
    for array in arrays:
        specs.append({"dtype": _WIRE_NAMES[array.dtype.name], "shape": list(array.shape)})
        frames.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return [encode({"type": kind, "id": request_id, "tensors": specs}), *frames]


def error_reply(request_id: int | None, error: BackendError) -> Header:
    """Return the wire form of ``error``; a code that the protocol lacks travels as ``internal``."""
    return {
        "type": "error",
        "id": request_id,
        "code": error.code if error.code in ERROR_CODES else "internal",
        "message": error.message,
        "remedy": error.remedy,
    }


def _unpack(frames: Sequence[memoryview]) -> Header:
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise RequestError(None, f"A message has 1 to {MAX_FRAMES} frames.")
    if frames[0].nbytes > MAX_HEADER_BYTES:
        raise RequestError(None, f"The header is longer than {MAX_HEADER_BYTES} bytes.")
    try:
        header = msgpack.unpackb(
            frames[0],
            strict_map_key=True,
            max_map_len=64,
            max_array_len=64,
            max_str_len=1024,
            max_bin_len=0,
            max_ext_len=0,
        )
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise RequestError(None, "The header is not msgpack of the protocol's kind.") from error
    if not isinstance(header, dict):
        raise RequestError(None, "The header is not a record.")
    return header


def _readable_id(header: Header) -> int | None:
    """The id for the answer. JavaScript packs an integer above 2^32 as a float: both are read."""
    value = header.get("id")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # False for NaN and the infinities too.
    return int(value) if 0 <= value <= MAX_ID and value == int(value) else None


def _forward(request_id: int, header: Header, frames: Sequence[memoryview]) -> Forward:
    statistics = _statistics(request_id, header)
    scale = _guidance_scale(request_id, header)
    expected = [
        *_FORWARD_TENSORS,
        *([_GIVEN_TENSOR] if "given" in statistics else []),
        *([_BANNED_TENSOR] if "bans" in header else []),
        *([_MASKED_TENSOR] if scale is not None else []),
    ]
    arrays = read_tensors(request_id, header, frames, expected, {"rows", "given", "masked"})
    tokens, sigma, rows = arrays[:3]
    named = {name: array for (name, _, _), array in zip(expected, arrays, strict=True)}
    if len(tokens) > MAX_SEQUENCES:
        raise RequestError(request_id, f"A call has at most {MAX_SEQUENCES} sequences.")
    if len(sigma) != len(tokens):
        raise RequestError(request_id, "sigma and tokens are of different batch sizes.")
    given = named["given"].astype(np.int64) if "given" in named else None
    if given is not None and len(given) != len(rows):
        raise RequestError(
            request_id,
            f"given names {len(given)} tokens for {len(rows)} rows; name one each.",
        )
    if scale is not None:
        _check_ascending(request_id, "masked positions", named["masked"], tokens.size)
    # A frame of ZeroMQ may be unaligned, and goes when the message goes: all are copied.
    return Forward(
        request_id,
        header["output"],
        tokens.astype(np.int64),
        sigma.astype(np.float32),
        rows.astype(np.int64),
        int(header["cache"]) if "cache" in header else None,
        _top(request_id, header),
        statistics,
        given,
        named["banned"].astype(np.int64) if "banned" in named else None,
        # Of scale 0 it is the conditional row: there is nothing to compute for it.
        Guidance(scale, named["masked"].astype(np.int64)) if scale else None,
    )


def _guidance_scale(request_id: int, header: Header) -> float | None:
    if "guidanceScale" not in header:
        return None
    scale = float(header["guidanceScale"])
    if not 0 <= scale <= MAX_GUIDANCE:  # NaN, which the schema lets pass
        raise RequestError(request_id, f"guidanceScale is not between 0 and {MAX_GUIDANCE:.0f}.")
    return scale


def _top(request_id: int, header: Header) -> TopCut | None:
    """Read which tokens of each row are asked for; the comparisons refuse NaN, which the schema
    lets pass."""
    said = [name for name in ("topMass", "topK", "temperature") if name in header]
    if not said:
        return None
    if header["output"] != "logits":
        raise RequestError(request_id, f"{said[0]} is for logits, not for {header['output']}.")
    if said == ["temperature"]:
        raise RequestError(request_id, "A temperature is given without topMass and topK.")
    mass, top_k = header.get("topMass"), header.get("topK")
    if mass is not None and not 0 < mass < 1:
        raise RequestError(request_id, "topMass is not between 0 and 1.")
    temperature = float(header.get("temperature", 1))
    if not 0 < temperature < math.inf:
        raise RequestError(request_id, "The temperature is not a finite number above 0.")
    return TopCut(
        mass,
        1.0 if mass is None else temperature,
        None if top_k is None else int(top_k),
    )


def _statistics(request_id: int, header: Header) -> tuple[StatisticName, ...]:
    """Read the names, which the schema knows: distinct ones, where statistics are asked for."""
    names = tuple(header.get("statistics", ()))
    if header["output"] != "statistics":
        if "statistics" in header:
            raise RequestError(
                request_id, f"statistics are listed, but {header['output']} are asked for."
            )
    elif not names:
        raise RequestError(request_id, "No statistics are listed; name at least one.")
    elif len(set(names)) < len(names):
        raise RequestError(request_id, f"A statistic is listed twice: {', '.join(names)}.")
    return names
