"""The device that ``auto`` means."""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """A CUDA GPU where there is one, else an Apple GPU (Metal, ``mps``), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
