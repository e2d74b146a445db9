"""This module finds the PyTorch device that a name means on this machine."""

from __future__ import annotations

import torch

from remdm_backend.errors import BackendError


def best_device() -> torch.device:
    """Return a CUDA GPU where there is one, else an Apple GPU (Metal, ``mps``), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def find_device(name: str) -> torch.device:
    """Return the device ``name``, or ``best_device()`` for ``auto``.

    Raises ``BackendError`` ``device_unavailable`` for a device that cannot be used here.
    """
    if name == "auto":
        return best_device()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise BackendError(
            "device_unavailable",
            f"The device {name!r} cannot be used here ({reason}).",
            "Use 'cpu', or 'auto' to take a GPU only if there is one.",
        ) from error
    return device
