"""What is free, where Linux and its control groups say so and where nobody does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from remdm_backend.host.free_memory import free_memory, group_memory, main_memory

MEMINFO = "MemTotal:       24000000 kB\nMemFree:  10 kB\nMemAvailable:   20000 kB\nBuffers: 1 kB\n"


@pytest.fixture
def group(tmp_path: Path) -> Path:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 300\nfile 600\ninactive_file 500\nactive_file 50\n")
    return tmp_path


def test_files_in_memory_are_as_good_as_free(group: Path, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(MEMINFO)
    assert main_memory(meminfo) == 20_000 * 1024
    assert group_memory(group) == 650


@pytest.mark.parametrize("text", ["max\n", "", "many"])
def test_a_group_may_set_no_limit(group: Path, text: str) -> None:
    (group / "memory.max").write_text(text)
    assert group_memory(group) is None


def test_a_group_may_be_full(group: Path) -> None:
    (group / "memory.current").write_text("2000\n")
    assert group_memory(group) == 0


@pytest.mark.parametrize("name", ["memory.max", "memory.current", "memory.stat"])
def test_there_may_be_no_group(group: Path, name: str) -> None:
    (group / name).unlink()
    assert group_memory(group) is None


@pytest.mark.parametrize("text", [None, "", "MemAvailable:\n", "MemAvailable: many kB\n"])
def test_other_systems_have_no_meminfo(tmp_path: Path, text: str | None) -> None:
    meminfo = tmp_path / "meminfo"
    if text is not None:
        meminfo.write_text(text)
    assert main_memory(meminfo) > 2**20


def test_here_there_is_some() -> None:
    assert free_memory(torch.device("cpu")) > 2**20
