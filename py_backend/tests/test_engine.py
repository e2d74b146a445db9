"""The engine: what runs together, who comes next, and what one failure costs the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_backend import PATIENCE, FakeCard, FakeNetwork, expected, make_call
from running_engine import Gate, Running, engine_of, gathered, limited_memory, values_of
from torch import Tensor

from remdm_backend.engine import engine
from remdm_backend.engine.engine import (
    Answered,
    Failed,
    LoadFailed,
)
from remdm_backend.engine.model_runner import ModelRunner
from remdm_backend.engine.row_results import Answer, Rows
from remdm_backend.engine.scheduler import Call, FairQueue, Limits, Piece, cut, merge
from remdm_backend.errors import BackendError
from remdm_backend.failures import as_backend_error
from remdm_backend.model.trunk_cache import TrunkCache

V = FakeCard().vocab_size


def check(outcomes: dict[int, Answered | Failed], calls: list[Call]) -> None:
    """Every call was answered, with what it would have got alone."""
    assert outcomes.keys() == {call.request.id for call in calls}
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        assert event.call.client == call.client
        np.testing.assert_allclose(values_of(event), expected(call.request), rtol=1e-6)


def test_waiting_calls_of_two_clients_become_one_batch() -> None:
    calls = [
        Call(b"a", make_call(1, batch=2, rows=[0, 3, 5])),
        Call(b"b", make_call(2, batch=3)),
        Call(b"a", make_call(3, batch=1, rows=[2])),
        Call(b"b", make_call(4, batch=1, rows=[])),
    ]
    with gathered(calls) as (running, network):
        check(running.outcomes(4), calls)
        assert network.batches == [7]


def test_calls_of_other_lengths_or_outputs_run_apart() -> None:
    calls = [
        Call(b"a", make_call(1, length=4)),
        Call(b"b", make_call(2, length=5)),
        Call(b"c", make_call(3, length=4, output="logprobs")),
        Call(b"d", make_call(4, length=4)),
    ]
    with gathered(calls) as (running, network):
        check(running.outcomes(4), calls)
        assert network.batches == [2, 1, 1]


def test_a_batch_stays_within_the_limit() -> None:
    calls = [Call(bytes([number]), make_call(number, batch=3)) for number in range(5)]
    with gathered(calls, Limits(sequences=7)) as (running, network):
        check(running.outcomes(5), calls)
        assert network.batches == [6, 6, 3]


def test_a_batch_stays_within_the_limit_of_values() -> None:
    calls = [Call(bytes([number]), make_call(number, rows=[0, 1])) for number in range(5)]
    with gathered(calls, Limits(values=4 * V)) as (running, network):
        check(running.outcomes(5), calls)
        assert network.batches == [2, 2, 1]


def test_a_call_larger_than_a_batch_is_cut_and_put_together_again() -> None:
    calls = [Call(b"a", make_call(1, batch=10, rows=[0, 1, 9, 22, 23, 39]))]
    with gathered(calls, Limits(sequences=4)) as (running, network):
        check(running.outcomes(1), calls)
        assert network.batches == [4, 4, 2]


def test_a_call_with_many_rows_is_cut_between_sequences() -> None:
    call = Call(b"a", make_call(1, batch=5, rows=[0, 1, 2, 3, 4, 8, 9, 16]))
    pieces = cut(call, Limits(values=3 * V), V)
    assert [(piece.first, piece.last) for piece in pieces] == [(0, 1), (1, 4), (4, 5)]
    assert [piece.row_count for piece in pieces] == [4, 3, 1]


@pytest.mark.parametrize("seed", range(20))
def test_pieces_hold_every_sequence_and_row_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, length = int(rng.integers(1, 20)), int(rng.integers(1, 6))
    rows = np.flatnonzero(rng.random(batch * length) < rng.random()).tolist()
    call = Call(b"a", make_call(seed, batch, length, rows=rows))
    limits = Limits(sequences=int(rng.integers(1, 6)), values=int(rng.integers(1, 10)) * V)
    pieces = cut(call, limits, V)
    assert [piece.first for piece in pieces] == [0, *(piece.last for piece in pieces[:-1])]
    assert pieces[-1].last == batch
    assert np.concatenate([call.request.rows[piece.rows] for piece in pieces]).tolist() == rows
    whole = merge(pieces)
    np.testing.assert_array_equal(whole.tokens, call.request.tokens)
    np.testing.assert_array_equal(whole.rows, call.request.rows)


def test_a_client_with_much_to_ask_does_not_keep_others_waiting() -> None:
    busy = [Call(b"busy", make_call(number, batch=4)) for number in range(20)]
    calls = [*busy, Call(b"late", make_call(100, batch=4))]
    with gathered(calls, Limits(sequences=4)) as (running, _):
        order = list(running.outcomes(21))
    assert order.index(100) <= 1


def test_a_call_that_does_not_fit_is_not_overtaken_for_ever() -> None:
    line = FairQueue()
    limits = Limits(sequences=4)
    for number in range(50):
        line.add(cut(Call(b"small", make_call(number, batch=1)), limits, V))
    line.add(cut(Call(b"large", make_call(100, batch=4)), limits, V))
    line.add(cut(Call(b"other", make_call(101, length=9)), limits, V))
    served = [{piece.call.client for piece in line.take(limits, V)} for _ in range(3)]
    assert served == [{b"small"}, {b"large"}, {b"other"}]


def test_the_calls_of_one_client_are_taken_in_order() -> None:
    calls = [Call(b"a", make_call(number, length=4 + number % 2)) for number in range(6)]
    with gathered(calls) as (running, _):
        assert list(running.outcomes(6)) == list(range(6))


def explode_on(batch_token: int, error: BaseException) -> Callable[[Tensor], None]:
    def fail(tokens: Tensor) -> None:
        if (tokens == batch_token).any():
            raise error

    return fail


def marked(call: Call) -> Call:
    """Give ``call`` a token that nobody else has, for ``explode_on``."""
    call.request.tokens[-1, -1] = 77
    return call


def test_a_call_that_fails_fails_alone() -> None:
    good = [Call(b"a", make_call(1)), Call(b"b", make_call(2)), Call(b"c", make_call(3))]
    bad = marked(Call(b"d", make_call(4)))
    fail = explode_on(77, BackendError("checkpoint_unsupported", "no", "do not"))
    with gathered([good[0], bad, *good[1:]], fail=fail) as (running, network):
        outcomes = running.outcomes(4)
        failure = outcomes.pop(4)
        check(outcomes, good)
        assert network.batches == [4, 1, 1, 1, 1]
    assert isinstance(failure, Failed)
    assert failure.error.code == "checkpoint_unsupported"


def test_a_call_in_pieces_that_fails_is_answered_once() -> None:
    bad = Call(b"a", make_call(1, batch=6))
    bad.request.tokens[1, 0] = 77
    after = Call(b"a", make_call(2, batch=2))
    fail = explode_on(77, BackendError("internal", "no", "do not"))
    with gathered([bad, after], Limits(sequences=2), fail) as (running, network):
        first = running.next()
        assert isinstance(first, Failed)
        assert first.call is bad
        check(running.outcomes(1), [after])
        assert network.batches == [2, 2]  # what was left of the failed call did not run
        assert (running.engine.busy, running.engine.queued) == (False, 0)


def test_an_unforeseen_error_is_internal_and_logged(capfd: pytest.CaptureFixture[str]) -> None:
    fail = explode_on(77, KeyError("x"))
    with gathered([marked(Call(b"a", make_call(1)))], fail=fail) as (running, _):
        (failure,) = running.outcomes(1).values()
    assert isinstance(failure, Failed)
    assert failure.error.code == "internal"
    logged = capfd.readouterr().err
    assert "Traceback" in logged
    assert "KeyError: 'x'" in logged


def test_what_does_not_fit_the_memory_is_halved_until_it_does() -> None:
    calls = [Call(b"a", make_call(1, batch=9)), Call(b"b", make_call(2, batch=2))]
    with gathered(calls, fail=limited_memory(3)) as (running, network):
        check(running.outcomes(2), calls)
        largest = network.batches[0]
        network.batches.clear()
        again = [Call(b"a", make_call(3, batch=9))]
        running.engine.submit(again[0])
        check(running.outcomes(1), again)
        assert largest == 11
        assert max(network.batches) <= 3  # it is remembered


def test_one_sequence_that_does_not_fit_is_out_of_memory() -> None:
    with gathered([Call(b"a", make_call(1, batch=4))], fail=limited_memory(0)) as (
        running,
        network,
    ):
        # The call that opened the gate failed as well.
        (failure,) = running.outcomes(1).values()
        assert network.batches == [4, 2, 1]
    assert isinstance(failure, Failed)
    assert failure.error.code == "out_of_memory"


def test_an_answer_of_the_wrong_shape_reaches_nobody() -> None:
    class Wrong(FakeNetwork):
        def logits(
            self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
        ) -> Tensor:
            return torch.zeros(len(rows) + 1, V)

    with engine_of(Wrong()) as running:
        running.engine.submit(Call(b"a", make_call(1)))
        (failure,) = running.outcomes(1).values()
    assert isinstance(failure, Failed)
    assert failure.error.code == "internal"


def test_busy_and_queued_follow_the_work() -> None:
    gate = Gate()
    with engine_of(FakeNetwork(gate), Limits(sequences=2)) as running:
        engine = running.engine
        assert (engine.busy, engine.queued) == (False, 0)
        for number in range(3):
            engine.submit(Call(bytes([number]), make_call(number, batch=2)))
        assert gate.entered.wait(PATIENCE)
        assert (engine.busy, engine.queued) == (True, 2)
        gate.opened.set()
        running.outcomes(3)
        assert (engine.busy, engine.queued) == (False, 0)


def test_a_network_that_cannot_be_loaded_is_reported() -> None:
    def load() -> FakeNetwork:
        raise BackendError("checkpoint_missing", "none", "get one")

    event = Running(load, Limits()).next()
    assert isinstance(event, LoadFailed)
    assert event.error.code == "checkpoint_missing"


def test_the_network_is_loaded_and_run_on_one_thread_of_its_own() -> None:
    threads = []
    network = FakeNetwork(lambda tokens: threads.append(threading.current_thread()))

    def load() -> FakeNetwork:
        threads.append(threading.current_thread())
        return network

    running = Running(load, Limits())
    running.next()
    running.engine.submit(Call(b"a", make_call(1)))
    running.outcomes(1)
    running.engine.stop()
    running.engine.join(PATIENCE)
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_many_clients_at_once_get_their_own_answers() -> None:
    rng = np.random.default_rng(0)
    calls = [
        Call(
            bytes([number % 7]),
            make_call(number, int(rng.integers(1, 12)), int(rng.integers(1, 4))),
        )
        for number in range(300)
    ]
    with engine_of(FakeNetwork(), replace(Limits(), sequences=8)) as running:
        for call in calls:
            running.engine.submit(call)
        check(running.outcomes(300), calls)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BackendError("device_unavailable", "m", "r"), "device_unavailable"),
        (MemoryError(), "out_of_memory"),
        (ImportError("no torch"), "backend_start_failed"),
        (ValueError(), "internal"),
    ],
)
def test_errors_become_what_a_client_can_be_told(error: Exception, code: str) -> None:
    try:
        raise error
    except Exception as caught:
        told = as_backend_error(caught)
    assert told.code == code
    assert told.message
    assert told.remedy
    assert told.__traceback__ is None  # it would keep tensors alive


class TestCaches:
    def test_the_same_question_runs_the_trunk_once(self) -> None:
        network = FakeNetwork()
        call = make_call(1, batch=2, rows=[0, 1], cache=5)
        with engine_of(network) as running:
            for rows in ([0, 1], [2], [7]):
                again = replace(call, rows=np.array(rows))
                running.engine.submit(Call(b"a", again))
                (answer,) = running.outcomes(1).values()
                np.testing.assert_allclose(values_of(answer), expected(again), rtol=1e-6)
        assert network.batches == [2]

    @pytest.mark.parametrize("other", ["client", "name", "tokens", "sigma", "none"])
    def test_another_question_runs_it_again(self, other: str) -> None:
        network = FakeNetwork()
        call = make_call(1, cache=5)
        changed = {
            "client": call,
            "name": replace(call, cache=6),
            "tokens": replace(call, tokens=7 - call.tokens),
            "sigma": replace(call, sigma=call.sigma + 1),
            "none": replace(call, cache=None),
        }[other]
        with engine_of(network) as running:
            running.engine.submit(Call(b"a", call))
            running.outcomes(1)
            running.engine.submit(Call(b"b" if other == "client" else b"a", changed))
            (answer,) = running.outcomes(1).values()
        np.testing.assert_allclose(values_of(answer), expected(changed), rtol=1e-6)
        assert network.batches == [1, 1]

    def test_what_was_released_is_computed_again(self) -> None:
        network = FakeNetwork()
        call = make_call(1, cache=5)
        with engine_of(network) as running:
            running.engine.submit(Call(b"a", call))
            running.outcomes(1)
            running.engine.release(b"a", 5)
            running.engine.release(b"nobody", 5)
            running.engine.submit(Call(b"a", call))
            running.outcomes(1)
        assert network.batches == [1, 1]

    def test_a_call_with_a_cache_runs_alone(self) -> None:
        calls = [
            Call(b"a", make_call(1)),
            Call(b"b", make_call(2, cache=1)),
            Call(b"c", make_call(3)),
        ]
        with gathered(calls) as (running, network):
            answers = running.outcomes(3)
            assert sorted(network.batches) == [1, 2]
        for call in calls:
            answer = values_of(answers[call.request.id])
            np.testing.assert_allclose(answer, expected(call.request), rtol=1e-6)

    def test_a_large_call_keeps_one_entry_a_piece(self) -> None:
        network = FakeNetwork()
        call = make_call(1, batch=5, cache=5)
        with engine_of(network, Limits(sequences=2)) as running:
            for _ in range(2):
                running.engine.submit(Call(b"a", call))
                (answer,) = running.outcomes(1).values()
                np.testing.assert_allclose(values_of(answer), expected(call), rtol=1e-6)
        assert network.batches == [2, 2, 1]

    def test_a_call_that_fails_with_its_cache_is_tried_without(self) -> None:
        failures = [BackendError("out_of_memory", "no room", "")]

        def before(tokens: Tensor) -> None:
            if failures:
                raise failures.pop()

        network = FakeNetwork(before)
        call = make_call(1, cache=5)
        with engine_of(network) as running:
            running.engine.submit(Call(b"a", call))
            (answer,) = running.outcomes(1).values()
        assert isinstance(answer, Answered)
        np.testing.assert_allclose(values_of(answer), expected(call), rtol=1e-6)
        assert network.batches == [1, 1]

    def test_their_memory_is_bounded(self) -> None:
        network = FakeNetwork()
        forward = ModelRunner(network, budget=2 * 4 * 8)  # two sequences of four tokens, int64
        calls = [make_call(number, cache=number) for number in range(3)]
        for call in (*calls, calls[0], calls[2], make_call(9, batch=3, cache=9), calls[2]):
            rows = forward(merge(cut(Call(b"a", call), Limits(), V)))
            assert isinstance(rows, Rows)
            np.testing.assert_allclose(rows.values, expected(call), rtol=1e-6)
            assert len(forward.caches) <= 2
        # The first had gone when it was asked again; the third never went, for it all fits beside
        # the first, and what is too large by itself pushes nothing out.
        assert network.batches == [1, 1, 1, 1, 3]

    def test_a_call_that_fails_leaves_none(self) -> None:
        def before(tokens: Tensor) -> None:
            raise ValueError("a bug")

        forward = ModelRunner(FakeNetwork(before))
        with pytest.raises(ValueError, match="a bug"):
            forward(merge(cut(Call(b"a", make_call(1, cache=1)), Limits(), V)))
        assert len(forward.caches) == 0

    def test_another_failure_of_a_call_drops_no_caches(self) -> None:
        bad = False

        def before(tokens: Tensor) -> None:
            if bad:
                raise ValueError("a bug")

        network = FakeNetwork(before)
        call = make_call(1, cache=5)
        with engine_of(network) as running:
            running.engine.submit(Call(b"a", call))
            running.outcomes(1)
            bad = True
            running.engine.submit(Call(b"a", make_call(2, cache=6)))
            (failure,) = running.outcomes(1).values()
            assert isinstance(failure, Failed)
            running.engine.submit(Call(b"a", call))
            (answer,) = running.outcomes(1).values()
            assert isinstance(answer, Answered)
        assert network.batches == [1, 1]

    def test_memory_that_caches_hold_is_given_up_before_a_call_fails(self) -> None:
        short = False

        def before(tokens: Tensor) -> None:
            nonlocal short
            if short:
                short = False
                raise BackendError("out_of_memory", "no room", "")

        network = FakeNetwork(before)
        with engine_of(network) as running:
            running.engine.submit(Call(b"a", make_call(1, cache=5)))
            running.outcomes(1)
            short = True
            running.engine.submit(Call(b"b", make_call(2)))
            (answer,) = running.outcomes(1).values()
            assert isinstance(answer, Answered)
            running.engine.submit(Call(b"a", make_call(1, cache=5)))
            running.outcomes(1)
        assert network.batches == [1, 1, 1, 1]


def test_an_answer_that_cannot_be_handed_out_is_an_error_and_the_next_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when there is no memory left to put the parts of a large call together."""

    def fail(pieces: Sequence[Piece], answer: Answer) -> Iterator[Call]:
        raise MemoryError

    with engine_of(FakeNetwork()) as running:
        with monkeypatch.context() as patch:
            patch.setattr(engine, "split", fail)
            running.engine.submit(Call(b"a", make_call(1)))
            (failed,) = running.outcomes(1).values()
        assert isinstance(failed, Failed)
        assert failed.error.code == "out_of_memory"
        running.engine.submit(Call(b"a", make_call(2)))
        (answer,) = running.outcomes(1).values()
        assert isinstance(answer, Answered)
