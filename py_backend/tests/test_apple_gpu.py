"""What is chosen and done for an Apple GPU (``mps``).

Nothing here was run on one: the tests pretend that it is there."""

from __future__ import annotations

import os
import sys
import threading

import pytest
import torch
from torch import Tensor

from remdm_backend import doctor
from remdm_backend.host import threads
from remdm_backend.host.devices import best_device, find_device
from remdm_backend.model.memory import is_out_of_memory
from remdm_backend.model.top_rows import top_rows


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_auto_is_a_cuda_gpu_else_an_apple_gpu_else_the_cpu(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    pretend(monkeypatch, cuda=cuda, mps=mps)
    assert best_device().type == chosen
    assert find_device("auto").type == chosen


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness")
def test_a_thread_beside_an_apple_gpu_does_not_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=False, mps=True)
    seen: list[int] = []

    def compute() -> None:
        threads.give_way("auto")
        threads.give_way("mps")
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert seen == [os.getpriority(os.PRIO_PROCESS, 0)]


def test_its_lack_of_memory_is_known_by_the_message() -> None:
    message = "MPS backend out of memory (MPS allocated: 8.0 GB, max allowed: 9.07 GB)"
    assert is_out_of_memory(RuntimeError(message))
    assert not is_out_of_memory(RuntimeError("MPS does not support this"))


class OnApple(Tensor):
    """A tensor that says that it is there, and has no doubles."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("mps", 0)

    def cpu(self, *_: object, **__: object) -> Tensor:
        return self.as_subclass(Tensor)

    def double(self, *_: object, **__: object) -> Tensor:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")


def test_top_rows_are_found_on_the_cpu_because_it_has_no_doubles() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    expected = top_rows(logits, 49, 0.9)
    found = top_rows(logits.clone().as_subclass(OnApple), 49, 0.9)
    for part, same in zip(found, expected, strict=True):
        assert type(part) is Tensor
        assert torch.equal(part, same)


def test_doctor_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=False, mps=True)
    report = doctor.examine()
    assert report.as_json()["mps"] is True
    assert "device     Apple GPU (mps)" in doctor.describe(report)
    assert report.attention == {"float32": "sdpa", "bfloat16": "sdpa"}
