"""The device waits a moment for clients that are about to ask again, and for nobody else."""

from __future__ import annotations

import time

import pytest
from fake_backend import FakeNetwork, make_call
from running_engine import engine_of
from torch import Tensor

from remdm_backend.engine import batch_delay
from remdm_backend.engine.batch_delay import BatchDelay
from remdm_backend.engine.engine import Answered
from remdm_backend.engine.scheduler import Call

A, B = b"a", b"b"


def soon(pause: float = 0.1) -> BatchDelay:
    """A came back after ``pause``, and got its second answer at 20, from a batch of ten seconds:
    a second is what may be lost."""
    state = BatchDelay()
    state.answered(A, 5.0)
    state.ran(0.0, 5.0)
    state.asked(A, 5.0 + pause)
    state.answered(A, 20.0)
    state.ran(10.0, 20.0)
    return state


def test_it_waits_for_a_client_that_came_back_soon() -> None:
    assert soon().wait(20.0) == pytest.approx(1.0)
    assert soon().wait(20.75) == pytest.approx(0.25)


def test_it_waits_no_longer_than_a_part_of_the_last_batch() -> None:
    assert soon().wait(21.0) == 0.0


def test_it_waits_no_more_once_that_client_has_asked() -> None:
    state = soon()
    state.asked(A, 20.1)
    assert state.wait(20.2) == 0.0


def test_it_does_not_wait_for_a_client_that_takes_longer_than_that() -> None:
    assert soon(pause=1.5).wait(20.0) == 0.0


def test_it_does_not_wait_for_a_client_that_it_does_not_know_yet() -> None:
    state = BatchDelay()
    state.answered(B, 20.0)
    state.ran(10.0, 20.0)
    assert state.wait(20.0) == 0.0


def test_it_forgets_a_client_that_stays_away_for_a_whole_batch() -> None:
    state = soon()
    state.answered(B, 30.0)
    state.ran(21.0, 30.0)
    assert state.wait(30.0) == 0.0
    assert vars(state)["_pauses"] == {}


def test_clients_that_ask_in_turn_come_to_share_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Patience of seconds, of which none pass: each comes back at once.
    monkeypatch.setattr(batch_delay, "SHARE", 1000.0)

    def work(tokens: Tensor) -> None:
        time.sleep(0.02)

    network = FakeNetwork(work)
    with engine_of(network) as running:
        number = 0
        for client in (A, B):
            running.engine.submit(Call(client, make_call(number)))
            number += 1
        for _ in range(15):
            (answer,) = running.outcomes(1).values()
            assert isinstance(answer, Answered)
            running.engine.submit(Call(answer.call.client, make_call(number)))
            number += 1
        running.outcomes(2)
    assert network.batches.count(2) >= 5
