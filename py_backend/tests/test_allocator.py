"""Freed memory is used again instead of being asked of the system anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, threading
import numpy as np
from remdm_backend.allocator import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for size in (20, 100):
        np.ones(size << 17)  # MiB, of eight bytes each
    before = faults()
    for _ in range(10):
        for size in (20, 100):
            np.ones(size << 17)
    print(faults() - before)

if sys.argv[1] == "keep":
    assert keep_freed_memory()
thread = threading.Thread(target=work)  # as the device thread is one
thread.start()
thread.join()
"""


def page_faults(mode: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_memory_that_was_freed_is_used_again() -> None:
    # Of 1.2 GB that are allocated and freed; a page has at least 4 KiB, a huge one 2 MiB.
    assert page_faults("keep") < 20
    assert page_faults("leave") > 400
