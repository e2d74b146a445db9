"""This module measures free memory: a device's, or main memory within the control group's limit."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def free_memory(device: torch.device) -> int:
    """Return the bytes that could be allocated on ``device`` now; an Apple GPU has the main
    memory."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    available = main_memory(Path("/proc/meminfo"))
    limit = group_memory(Path("/sys/fs/cgroup"))
    return available if limit is None else min(available, limit)


def main_memory(meminfo: Path) -> int:
    """Return what Linux says that programs can have without swapping; elsewhere, half of what is
    built in."""
    try:
        return 1024 * _field(meminfo, "MemAvailable:")
    except (OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def group_memory(group: Path) -> int | None:
    """Return what a version 2 control group leaves, ``None`` when it sets no limit.

    Pages of files, of the checkpoint that was just read among others, count as used there and are
    given up when somebody needs them.
    """
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        files = sum(
            _field(group / "memory.stat", f"{kind}_file") for kind in ("active", "inactive")
        )
        return max(0, limit - used + files)
    except (OSError, ValueError):
        return None  # there is no such group, or its limit is "max"


def _field(file: Path, name: str) -> int:
    """The number after ``name`` on the line that begins with it. Raises ``ValueError``."""
    for line in file.read_text(encoding="ascii").splitlines():
        label, number, *_ = [*line.split(), "", ""]
        if label == name:
            return int(number)
    raise ValueError(f"{file} does not say {name}")
