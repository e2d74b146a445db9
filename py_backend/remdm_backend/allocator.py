"""Keep memory that was freed, instead of giving it back and asking for it again at every layer.

By default glibc gives large blocks back to the system when they are freed. A forward of the
published size then asks for 240 MB anew at every call, in pages that the system has to clear:
60,000 page faults. So the process stays at its largest size, as with PyTorch's allocator on a GPU.
"""

from __future__ import annotations

import ctypes
import platform

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Whether it could be had: only glibc has the knob. To be called before threads are started."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {
        M_ARENA_MAX: 1,  # other arenas than the main one cannot hold large blocks
        M_MMAP_MAX: 0,
        M_TRIM_THRESHOLD: 2**31 - 1,
        M_TOP_PAD: 64 * 2**20,
    }
    return all(mallopt(name, value) == 1 for name, value in settings.items())


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


def kept_memory() -> int:
    """Bytes that this process has from the system, and free; 0 where that cannot be known."""
    if platform.libc_ver()[0] != "glibc":
        return 0
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:  # before glibc 2.33
        return 0
    mallinfo2.restype = _Mallinfo2
    return int(mallinfo2().fordblks)
