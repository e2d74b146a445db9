"""Telling a failed allocation from any other runtime error."""

from __future__ import annotations

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """A GPU's has a type of its own; on a CPU PyTorch raises a plain ``RuntimeError`` that names
    the allocator."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
