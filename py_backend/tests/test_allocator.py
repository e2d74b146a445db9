"""Freed memory is used again instead of being asked of the system anew."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from remdm_backend.host import allocator
from remdm_backend.host.allocator import keep_few_kernels, kept_memory

PROGRAM = """
import resource, sys, threading
from remdm_backend.host.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
import numpy as np

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

thread = threading.Thread(target=work)  # as the device thread is one
thread.start()
thread.join()
"""


needs_glibc = pytest.mark.skipif(
    allocator._glibc() is None, reason="only glibc, since 2.33, can be told to keep memory"
)


def page_faults(mode: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@needs_glibc
def test_memory_that_was_freed_is_used_again() -> None:
    # Of 1.2 GB that are allocated and freed; a page has at least 4 KiB, a huge one 2 MiB.
    assert page_faults("keep") < 20
    assert page_faults("leave") > 400


@needs_glibc
def test_kept_memory_is_what_was_freed() -> None:
    # Small blocks, which no allocator gives back at once.
    blocks = [bytes(1000) for _ in range(20_000)]
    before = kept_memory()
    kept = blocks[::2]
    del blocks
    assert len(kept) == 10_000
    assert kept_memory() > before + 5 * 10**6


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    assert not allocator.keep_freed_memory()
    assert kept_memory() == 0


def test_few_kernels_are_kept_unless_the_user_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    keep_few_kernels()
    assert os.environ[name] == "7"
    monkeypatch.delenv(name)
    keep_few_kernels()
    assert os.environ[name] == "64"
