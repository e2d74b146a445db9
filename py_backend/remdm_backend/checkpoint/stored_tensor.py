"""This module recognises a tensor in the records of ``pickle_data``.

``torch.save`` pickles a tensor as a call of ``torch._utils._rebuild_tensor_v2`` on a storage, with
an offset, a shape and strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from remdm_backend.checkpoint.contents import damaged, invalid, shown, unsupported
from remdm_backend.checkpoint.pickle_data import Made, Name, Persistent

REBUILD_TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
REBUILD_TYPED = Name("torch._utils", "_rebuild_tensor_v3")
"""For types without a storage class of their own, float8 among them; the type comes last."""
REBUILD_PARAMETER = Name("torch._utils", "_rebuild_parameter")
ORDERED_DICT = Name("collections", "OrderedDict")
STORAGE_DTYPES = {
    Name("torch", "DoubleStorage"): torch.float64,
    Name("torch", "FloatStorage"): torch.float32,
    Name("torch", "HalfStorage"): torch.float16,
    Name("torch", "BFloat16Storage"): torch.bfloat16,
}
WIDER = (
    "Save its weights in bfloat16 or float32, in a place where you trust it, and give that file."
)


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that lies in storage ``key`` of the archive; ``offset`` and ``stride`` count
    elements."""

    key: str
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def span(self) -> int:
        """Elements from its first to its last in the storage."""
        return 1 + sum(
            (size - 1) * step for size, step in zip(self.shape, self.stride, strict=True)
        )

    @property
    def is_contiguous(self) -> bool:
        """Whether its numbers lie in order and side by side."""
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size > 1 and stride != step:
                return False
            step *= size
        return True


def stored_tensor(path: Path, value: object, name: str, held: Callable[[str], int]) -> StoredTensor:
    """Return the tensor that ``value`` stands for; ``held`` tells the bytes that the file has of a
    storage.

    Raises ``BackendError`` if it is no tensor, or one that does not fit its storage.
    """
    match value:
        case Made(maker=maker, args=(data, bool(), hooks)) if (
            maker == REBUILD_PARAMETER and is_empty_dict(hooks)
        ):
            value = data
    match value:
        case Made(
            maker=maker,
            args=(Persistent(pid), int(offset), tuple(shape), tuple(stride), bool(), hooks),
        ) if maker == REBUILD_TENSOR and is_empty_dict(hooks):
            pass
        case Made(maker=maker, args=(_, _, _, _, _, _, Name() as dtype)) if maker == REBUILD_TYPED:
            raise unsupported(path, f"{name} holds {dtype.name} numbers", WIDER)
        case Made(maker=maker):
            what = maker if isinstance(maker, Name) else "what another call would return"
            raise invalid(path, f"{name} is not a tensor but a call of {what}, which is never run")
        case _:
            raise invalid(path, f"{name} is not a tensor")
    match pid:
        case ("storage", Name() as storage, str(key), _, int(count)):
            pass
        case _:
            raise invalid(path, f"{name} refers to something that is no storage")
    if storage not in STORAGE_DTYPES:
        raise invalid(path, f"{name} holds {storage} elements, not floating-point numbers")
    sizes = tuple(size for size in shape if isinstance(size, int) and 0 < size < 2**40)
    steps = tuple(step for step in stride if isinstance(step, int) and 0 <= step < 2**40)
    if not len(sizes) == len(shape) == len(steps) == len(stride):
        raise invalid(path, f"{name} has an unusual shape or memory layout")
    tensor = StoredTensor(key, STORAGE_DTYPES[storage], offset, sizes, steps)
    if held(key) != count * tensor.dtype.itemsize:
        raise damaged(
            path, f"{name} claims {shown(count)} elements, the file holds {held(key):,} bytes"
        )
    if math.prod(sizes) > count:  # expanded: what is read must have a bound
        raise invalid(path, f"{name} has an unusual shape or memory layout")
    if offset < 0 or offset + tensor.span > count:
        raise invalid(path, f"{name} reaches outside its storage")
    return tensor


def is_empty_dict(hooks: object) -> bool:
    """Whether ``hooks`` is what stands where a tensor's backward hooks would: torch writes an empty
    ``OrderedDict``."""
    return isinstance(hooks, Made) and hooks.maker == ORDERED_DICT and not hooks.args
