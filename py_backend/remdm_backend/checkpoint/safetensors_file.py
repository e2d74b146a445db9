"""This module reads single tensors from a ``.safetensors`` file, and nothing else of it.

Only floating-point numbers of 16 bits and more are read: float64, float32, float16 and bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from remdm_backend.checkpoint.contents import damaged, invalid, unsupported
from remdm_backend.checkpoint.file_kind import not_safetensors
from remdm_backend.checkpoint.stored_tensor import WIDER

MODEL_FILE = "model.safetensors"
DTYPES = ("F64", "F32", "F16", "BF16")
NUMBERS_AT_ONCE = 1 << 22


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes from the header, which the library checks against the file's size.

    Raises ``BackendError``, also for types of numbers that are not read.
    """
    with opened(file) as tensors:
        slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
        for name, part in slices.items():
            check_dtype(file, name, str(part.get_dtype()))
        return {name: tuple(part.get_shape()) for name, part in slices.items()}


def check_dtype(file: Path, name: str, dtype: str) -> None:
    """Raises ``BackendError`` for all but floating-point numbers of 16 bits and more; ``dtype`` is
    the format's word for it."""
    if dtype in DTYPES:
        return
    if dtype.startswith(("F8", "F4")):
        raise unsupported(file, f"{name} holds float{dtype[1]} numbers ({dtype})", WIDER)
    raise invalid(file, f"{name} is of type {dtype}, not one of {', '.join(DTYPES)}")


def read_tensor(file: Path, name: str) -> Tensor:
    """One tensor as stored, in memory of its own. Raises ``BackendError`` ``checkpoint_invalid``
    if the bytes are damaged."""
    with opened(file) as tensors:
        stored: Tensor = tensors.get_tensor(name)
        return stored.clone()  # the file stays mapped no longer than this


def tensor_parts(file: Path, name: str) -> Iterator[Tensor]:
    """Give the numbers of a tensor in order, as stored, a few rows ``[n, ...]`` at a time.

    Each part is a view of the mapped file, good until the next one: what was read stays mapped no
    longer, so a large tensor takes little memory beside the one that it is copied into. Raises as
    ``read_tensor``.
    """
    begin, count = 0, 1
    while begin < count:
        with opened(file) as tensors:
            part = tensors.get_slice(name)
            count, *rest = part.get_shape()
            rows = max(1, NUMBERS_AT_ONCE // max(1, math.prod(rest)))
            yield part[begin : begin + rows]
            begin += rows


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """The library's view of a file. Raises ``BackendError`` ``checkpoint_invalid`` that says what
    the file is instead, or that it is damaged."""
    try:
        with safe_open(file, framework="pt") as tensors:
            yield tensors
    except SafetensorError as error:
        raise not_safetensors(file) or damaged(file, error) from error
