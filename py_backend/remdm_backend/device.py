"""The only module of the engine that touches PyTorch; imported late, by the device thread.

Importing PyTorch takes seconds, during which the process must already answer pings and notice that
its parent is gone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from remdm_backend.batching import Batch

if TYPE_CHECKING:
    from remdm_backend.engine import Network


def evaluate(network: Network, batch: Batch) -> NDArray[np.float32]:
    """``[N, V]`` float32 in main memory. Raises what the network raises."""
    function = network.logits if batch.output == "logits" else network.log_probs
    values = function(
        torch.from_numpy(batch.tokens), torch.from_numpy(batch.sigma), torch.from_numpy(batch.rows)
    )
    expected = (len(batch.rows), network.card.vocab_size)
    if tuple(values.shape) != expected or values.dtype != torch.float32:
        # Splitting it all the same would give one client's rows to another.
        raise RuntimeError(f"the network gave {values.dtype} {tuple(values.shape)}")
    array: NDArray[np.float32] = values.cpu().numpy()
    return array


def limit_threads(requested: int | None) -> None:
    """Set how many threads the calling thread computes with; by default, those we may really use.

    PyTorch counts the machine's cores, also where a container or an affinity mask allows fewer, and
    is then many times slower than with the right number.
    """
    torch.set_num_threads(requested or min(torch.get_num_threads(), available_cores()))


def available_cores() -> int:
    """Cores that the affinity mask and the control group leave to this process, at least 1."""
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(affinity, int(_cgroup_cores(Path("/sys/fs/cgroup/cpu.max")))))


def _cgroup_cores(limit_file: Path) -> float:
    """The quota of a version 2 control group, in cores; a great many when there is none."""
    try:
        quota, period = limit_file.read_text(encoding="ascii").split()
        return float(quota) / float(period)
    except (OSError, ValueError):
        # No such group, or "max": not limited.
        return 1e6
