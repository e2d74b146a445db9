"""This module writes a ``.safetensors`` file one tensor at a time.

The library's own writer wants every tensor in memory at once, as bytes beside the tensors; here the
largest one is enough. Layout and order are the library's, so the same tensors make the same file:
eight bytes with the header's length, the header (JSON, padded with spaces to eight bytes), the
tensors from the widest type to the narrowest, and by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

DTYPE_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
ALIGNMENT = 8

Plan = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
"""Shape and type of each tensor."""


def bytes_of(plan: Plan) -> int:
    """Count the bytes of all tensors, without the header."""
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in plan.values())


def write_safetensors(path: Path, plan: Plan, read: Callable[[str], Tensor]) -> Iterator[int]:
    """Ask ``read`` for each tensor of ``plan`` and write it; gives the bytes of each as it is done.

    Raises ``OSError`` if the file cannot be written; what was written then stays.
    """
    names = sorted(plan, key=lambda name: (-plan[name][1].itemsize, name))
    header, end = {}, 0
    for name in names:
        shape, dtype = plan[name]
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {
            "dtype": DTYPE_NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            shape, dtype = plan[name]
            tensor = read(name).contiguous()
            if (tuple(tensor.shape), tensor.dtype) != (shape, dtype):
                raise ValueError(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, not as planned")
            yield file.write(tensor.view(-1).view(torch.uint8).numpy().data)
