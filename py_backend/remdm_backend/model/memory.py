"""This module estimates what a forward needs, notices a lack of memory, and tells of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from remdm_backend.errors import BackendError

HIDDEN_STATES = 18
"""Vectors of the hidden size that a token has in a block at most: four times two in the MLP, three
in attention, the rest in between. In a transformer with Qwen2's MLP, 5.4 times as wide, 16.1 were
measured."""

COPIES = 8
"""Copies of the logits that are reduced or normalised at a time; some are float64."""

SIGNS = ("DefaultCPUAllocator", "MPS backend out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out.

    A CUDA GPU's error has a type of its own; for a CPU or an Apple GPU PyTorch raises a plain
    ``RuntimeError`` that names the allocator or the backend.
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def out_of_memory(shape: Sequence[int], rows: int) -> BackendError:
    """Make the error for a forward of ``shape`` tokens and so many rows."""
    return BackendError(
        "out_of_memory",
        f"Not enough memory for a forward pass of {' x '.join(map(str, shape))} tokens and "
        f"{rows} rows of logits.",
        "Use smaller batches, or a device with more memory.",
    )
