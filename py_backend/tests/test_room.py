"""On a CPU a forward that does not fit the memory is refused before it begins: an allocation would
succeed, and the process be killed when it uses the memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_backend import PATIENCE, FakeCard, FakeNetwork, expected, make_call
from running_engine import Gate, engine_of, values_of

from remdm_backend.engine import model_runner
from remdm_backend.engine.engine import Answered, Failed
from remdm_backend.engine.model_runner import bytes_needed
from remdm_backend.engine.scheduler import Call, Limits, cut, merge
from remdm_backend.model.memory import HIDDEN_STATES
from remdm_backend.wire.protocol import Output, width_of

LENGTH = 4
"""Tokens of a sequence of ``make_call``."""


def leave_room_for(sequences: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a row of every token."""
    hidden = FakeNetwork().card.hidden_size
    tokens = 4 * HIDDEN_STATES * hidden * LENGTH
    rows = 4 * 2 * FakeNetwork().card.vocab_size * LENGTH
    room = sequences * (tokens + rows)
    monkeypatch.setattr(model_runner, "free_memory", lambda _: room)
    monkeypatch.setattr(model_runner, "kept_memory", lambda: 0)


def test_calls_that_do_not_fit_together_run_in_smaller_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave_room_for(2, monkeypatch)
    gate = Gate()
    network = FakeNetwork(gate)
    calls = [make_call(number) for number in range(5)]
    with engine_of(network) as running:
        for call in calls:
            running.engine.submit(Call(b"%d" % call.id, call))
            if call.id == 0:
                assert gate.entered.wait(PATIENCE)
        gate.opened.set()
        outcomes = running.outcomes(5)
    for call in calls:
        answer = outcomes[call.id]
        assert isinstance(answer, Answered)
        np.testing.assert_allclose(values_of(answer), expected(call), rtol=1e-6)
    # The four that had gathered were never given to the network as one.
    assert max(network.batches) <= 2


def test_one_sequence_that_does_not_fit_is_an_error_and_the_next_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave_room_for(0, monkeypatch)
    with engine_of(FakeNetwork()) as running:
        running.engine.submit(Call(b"a", make_call(0)))
        (failed,) = running.outcomes(1).values()
        assert isinstance(failed, Failed)
        assert failed.error.code == "out_of_memory"
        assert "1 x 4 tokens" in failed.error.message
        leave_room_for(1, monkeypatch)
        running.engine.submit(Call(b"a", make_call(1)))
        (answer,) = running.outcomes(1).values()
        assert isinstance(answer, Answered)


def test_memory_that_the_process_keeps_counts_as_room(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_room_for(0, monkeypatch)
    monkeypatch.setattr(model_runner, "kept_memory", lambda: 10**9)
    with engine_of(FakeNetwork()) as running:
        running.engine.submit(Call(b"a", make_call(0)))
        (answer,) = running.outcomes(1).values()
        assert isinstance(answer, Answered)


def test_a_refusal_does_not_make_later_batches_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_room_for(0, monkeypatch)
    gate = Gate()
    network = FakeNetwork(gate)
    with engine_of(network) as running:
        running.engine.submit(Call(b"a", make_call(0)))
        running.outcomes(1)
        leave_room_for(100, monkeypatch)
        running.engine.submit(Call(b"a", make_call(1)))
        assert gate.entered.wait(PATIENCE)
        for number in range(2, 8):
            running.engine.submit(Call(b"%d" % number, make_call(number)))
        gate.opened.set()
        running.outcomes(7)
    assert network.batches == [1, 6]


@pytest.mark.parametrize("output", ["statistics", "logprobs"])
def test_logits_that_are_reduced_a_portion_at_a_time_need_a_portion(output: Output) -> None:
    card = replace(FakeNetwork().card, vocab_size=50_258, hidden_size=768, length=1024)
    call = make_call(1, batch=16, length=1024, output=output)
    (piece,) = cut(Call(b"a", call), Limits(values=10**12), card.vocab_size)
    answer = 4 * len(call.rows) * width_of(call, card.vocab_size)
    # All logits at once would be 3.3 GB more.
    assert bytes_needed(merge([piece]), card) < 1.5e9 + answer


def test_a_network_of_blocks_needs_what_it_computes_at_a_time_and_keeps() -> None:
    """A text of any length takes the room of its last blocks; what a cache holds is there."""
    card = FakeCard(block_length=4, length=1024, hidden_size=768, n_blocks=12)
    kept = 4 * 2 * 12 * 768 * (1024 - 4 + 256)

    def needed(length: int, held: int = 0) -> int:
        tokens = np.zeros((1, length), dtype=np.int64)
        call = replace(make_call(0), tokens=tokens, rows=np.array([length - 1]))
        (piece,) = cut(Call(b"a", call), Limits(), card.vocab_size)
        return bytes_needed(merge([piece]), card, held)

    assert needed(1 << 16) == needed(1 << 12) > kept
    assert needed(1 << 12) - needed(1 << 12, held=kept) == kept
    assert needed(1 << 12, held=2 * kept) < kept / 2
    assert needed(256) < needed(1024) < needed(1 << 12)
