"""This module puts the numbers of a stored tensor where they stay, a part at a time.

So loading holds the weights once: no tensor is in memory both as stored and as computed with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from remdm_backend.checkpoint.contents import NOT_FINITE, invalid


def read_into(
    target: Tensor, parts: Iterable[Tensor], rounded: torch.dtype, *, file: Path, name: str
) -> None:
    """Fill ``target``, contiguous, with the ``parts`` of the tensor ``name`` of ``file``, doubles
    as float32 and all numbers rounded to the type ``rounded`` on the way.

    Raises ``BackendError`` for what is damaged or not finite.
    """
    numbers, done = target.view(-1), 0
    for part in parts:
        some = part.flatten()
        if some.dtype == torch.float64:
            some = some.float()
        if not all(math.isfinite(extreme) for extreme in some.aminmax()):
            raise invalid(file, f"{name} holds numbers that are not finite", NOT_FINITE)
        if rounded != target.dtype:
            some = some.to(rounded)
        numbers[done : done + len(some)].copy_(some)  # converts, without memory on the way
        done += len(some)
    assert done == len(numbers)  # its shape was checked
