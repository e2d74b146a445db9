"""This module reads tensors that arrive as raw frames, each as long as its header makes it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remdm_backend.errors import RequestError

MAX_SEQUENCES = 16 * 1024
"""Sequences, or texts, in one request."""

_WIRE_TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}


def read_tensors(
    request_id: int,
    header: dict[str, Any],
    frames: Sequence[memoryview],
    expected: Sequence[tuple[str, str, int]],
    may_be_empty: Collection[str] = (),
) -> list[NDArray[Any]]:
    """Views of ``frames``, little endian; ``expected``: name, dtype and rank of each.

    A frame of ZeroMQ may be unaligned, and goes when the message goes: what is kept must be copied.
    Raises ``RequestError``.
    """
    specs = header["tensors"]
    if not len(specs) == len(frames) == len(expected):
        names = " and ".join(name for name, _, _ in expected)
        raise RequestError(
            request_id, f"{header['type']} carries {len(expected)} tensors: {names}."
        )
    arrays = []
    for (name, dtype, rank), spec, frame in zip(expected, specs, frames, strict=True):
        shape = [int(size) for size in spec["shape"]]
        if spec["dtype"] != dtype or len(shape) != rank:
            raise RequestError(request_id, f"{name} must be {dtype} with {rank} dimensions.")
        form = np.dtype(_WIRE_TYPES[dtype])
        size = math.prod(shape) * form.itemsize
        if frame.nbytes != size:
            raise RequestError(
                request_id, f"{name} has {frame.nbytes} bytes where its shape needs {size}."
            )
        if size == 0 and name not in may_be_empty:
            raise RequestError(request_id, f"{name} is empty.")
        arrays.append(np.frombuffer(frame, dtype=form).reshape(shape))
    return arrays
