"""This module makes glibc keep freed memory instead of giving it back at every layer.

By default glibc gives large blocks back to the system when they are freed. A forward of the
published size then asks for 240 MB anew at every call, in pages that the system has to clear:
60,000 page faults. So the process stays at its largest size, as with PyTorch's allocator on a GPU.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


@cache
def _glibc() -> ctypes.CDLL | None:
    """A C library that can be told, and that can say what it keeps (glibc 2.33)."""
    if platform.libc_ver()[0] != "glibc":
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.mallinfo2.restype = _Mallinfo2
    return library


def keep_freed_memory() -> bool:
    """Keep freed memory from now on; return whether that is possible here.

    To be called before threads are started.
    """
    library = _glibc()
    if library is None:
        return False
    settings = {
        M_ARENA_MAX: 1,  # other arenas than the main one cannot hold large blocks
        M_MMAP_MAX: 0,
        M_TRIM_THRESHOLD: 2**31 - 1,
        M_TOP_PAD: 64 * 2**20,
    }
    return all(library.mallopt(name, value) == 1 for name, value in settings.items())


def keep_few_kernels() -> None:
    """Have oneDNN keep the kernels of the last 64 shapes; the user's own number stays.

    It compiles a kernel for each number of rows that is asked for and would keep 1,024 of them:
    bfloat16 on a CPU grows by 2.5 MB with every new number. A forward has 15 shapes at most. To be
    called before PyTorch computes.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def kept_memory() -> int:
    """Return the bytes that this process has from the system and does not use; 0 where that cannot
    be known."""
    library = _glibc()
    return 0 if library is None else int(library.mallinfo2().fordblks)
