"""This module sets how many threads compute, and lets the threads that answer clients go first.

It imports PyTorch, so the device thread imports it late.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import torch

from remdm_backend.host.devices import best_device

NICER = 5
"""The niceness that a computing thread adds: it gets a third of the weight of the other threads,
which are gone again in microseconds. Twice that would answer no sooner in most calls, and leave a
forward little beside a program that computes."""


def limit_threads(requested: int | None) -> None:
    """Set how many threads the calling thread computes with; by default, the cores it may use.

    PyTorch counts the machine's cores, also where a container or an affinity mask allows fewer, and
    is then many times slower than with the right number.
    """
    torch.set_num_threads(requested or min(torch.get_num_threads(), available_cores()))


def give_way(device: str) -> None:
    """Let the threads that answer clients go before the computing ones, if ``device`` is the CPU.

    ``device`` is auto, cpu, cuda, cuda:N or mps. The computing thread calls this before its first
    computation: PyTorch's own threads inherit the niceness.

    As equals, the answering threads wait for a slice of some milliseconds to end each time a
    message goes from one of them to the next. Beside a GPU this thread only hands out work, and
    must not wait.
    """
    on_cpu = device == "cpu" or (device == "auto" and best_device().type == "cpu")
    if on_cpu and sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICER
        os.setpriority(os.PRIO_PROCESS, thread, niceness)  # the kernel takes 19 for more


def available_cores() -> int:
    """Return how many cores the affinity mask and the control group leave us, at least 1."""
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(affinity, int(_cgroup_cores(Path("/sys/fs/cgroup/cpu.max")))))


def _cgroup_cores(limit_file: Path) -> float:
    """Return the quota of a version 2 control group, in cores; 1e6 where there is no limit."""
    try:
        quota, period = limit_file.read_text(encoding="ascii").split()
        return float(quota) / float(period)
    except (OSError, ValueError):
        # There is no such group, or its quota is "max".
        return 1e6
