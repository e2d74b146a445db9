"""Calls of different sequence lengths share a forward, where the network can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_backend import FakeCard, FakeNetwork, expected, make_call
from make_checkpoint import Recipe, checkpoint_dict, save
from running_engine import Running, engine_of, gathered
from torch import Tensor

from remdm_backend.checkpoint.load import load_network
from remdm_backend.engine.engine import Answered, Failed
from remdm_backend.engine.model_runner import ModelRunner
from remdm_backend.engine.row_results import Rows, TopRows
from remdm_backend.engine.scheduler import Call, FairQueue, Limits, cut, merge, split
from remdm_backend.errors import BackendError
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.trunk_cache import TrunkCache
from remdm_backend.wire.protocol import Output, TopCut

V = FakeCard().vocab_size


class MixingNetwork(FakeNetwork):
    """``mixes`` has the lengths of each batch in which they differed."""

    mixes_lengths = True

    def __init__(self, before: Callable[[Tensor], None] = lambda tokens: None) -> None:
        super().__init__(before)
        self.mixes: list[tuple[int, ...]] = []

    def logits(
        self, tokens: Tokens, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        if not isinstance(tokens, Packed):
            return super().logits(tokens, sigma, rows, cache)
        assert cache is None
        self.batches.append(len(tokens.lengths))
        self.mixes.append(tokens.lengths)
        self._before(tokens.tokens)
        base = tokens.tokens[rows] * 100 + tokens.position[rows]
        return (base + 1000 * sigma[tokens.sequence[rows]])[:, None] + torch.arange(V) / 10


def check(running: Running, calls: list[Call]) -> None:
    """Every call is answered, with what it would have got alone."""
    outcomes = running.outcomes(len(calls))
    assert outcomes.keys() == {call.request.id for call in calls}
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        assert event.call.client == call.client
        assert isinstance(event.call.answer, Rows)
        np.testing.assert_allclose(event.call.answer.values, expected(call.request), rtol=1e-6)


def test_calls_of_different_lengths_share_one_forward() -> None:
    calls = [
        Call(b"a", make_call(1, batch=2, length=9, rows=[0, 8, 11])),
        Call(b"b", make_call(2, batch=1, length=1)),
        Call(b"c", make_call(3, batch=2, length=4, rows=[])),
        Call(b"a", make_call(4, batch=1, length=4, rows=[3])),
        Call(b"d", make_call(5, batch=1, length=9)),
    ]
    with gathered(calls, kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert isinstance(network, MixingNetwork)
        # Equal lengths side by side, whoever asked.
        assert network.mixes == [(1, 4, 4, 4, 9, 9, 9)]
        assert network.batches == [7]


def test_calls_of_one_length_are_no_mix() -> None:
    calls = [Call(bytes([number]), make_call(number, batch=2, length=5)) for number in range(3)]
    with gathered(calls, kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert isinstance(network, MixingNetwork)
        assert (network.batches, network.mixes) == ([6], [])


def test_other_outputs_and_calls_with_a_cache_still_run_apart() -> None:
    calls = [
        Call(b"a", make_call(1, length=4)),
        Call(b"b", make_call(2, length=5, output="statistics")),
        Call(b"c", make_call(3, length=6, cache=1)),
        Call(b"d", make_call(4, length=7)),
        Call(b"e", make_call(5, length=8, output="statistics")),
    ]
    with gathered(calls, kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert isinstance(network, MixingNetwork)
        assert network.mixes == [(4, 7), (5, 8)]
        assert sorted(network.batches) == [1, 2, 2]


def test_top_rows_of_different_lengths_run_together() -> None:
    calls = [
        Call(bytes([number]), make_call(number, batch=2, length=number, top=TopCut(0.5)))
        for number in (3, 5)
    ]
    with gathered(calls, kind=MixingNetwork) as (running, network):
        outcomes = running.outcomes(2)
        assert network.batches == [4]
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        tops = event.call.answer
        assert isinstance(tops, TopRows)
        ends = np.cumsum(tops.counts)[:-1]
        for row, ids, logits in zip(
            expected(call.request),
            np.split(tops.ids, ends),
            np.split(tops.logits, ends),
            strict=True,
        ):
            np.testing.assert_allclose(logits, row[ids], rtol=1e-6)


class NeverMixed(FakeNetwork):
    """It has the property, and says no."""

    mixes_lengths = False

    def logits(
        self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        assert isinstance(tokens, Tensor)
        return super().logits(tokens, sigma, rows, cache)


@pytest.mark.parametrize("kind", [FakeNetwork, NeverMixed])
def test_a_network_that_cannot_mix_is_never_given_a_mix(kind: type[FakeNetwork]) -> None:
    calls = [Call(bytes([n]), make_call(n, batch=2, length=3 + n % 3)) for n in range(9)]
    with gathered(calls, kind=kind) as (running, network):
        check(running, calls)
        assert network.batches == [6, 6, 6]


def test_a_large_call_in_pieces_finds_its_rows_in_several_mixes() -> None:
    calls = [
        Call(b"a", make_call(1, batch=7, length=6, rows=[0, 5, 6, 20, 35, 41])),
        Call(b"b", make_call(2, batch=5, length=3)),
        Call(b"c", make_call(3, batch=1, length=2)),
    ]
    with gathered(calls, Limits(sequences=4), kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert isinstance(network, MixingNetwork)
        assert network.batches == [4, 4, 4, 1]
        assert network.mixes == [(2, 6, 6, 6)]


def test_a_call_that_fails_in_a_mix_fails_alone() -> None:
    good = [Call(bytes([number]), make_call(number, length=number)) for number in (2, 5, 9)]
    bad = Call(b"bad", make_call(7, length=4))
    bad.request.tokens[-1, -1] = 77

    def fail(tokens: Tensor) -> None:
        if (tokens == 77).any():
            raise BackendError("internal", "no", "do not")

    with gathered([good[0], bad, *good[1:]], fail=fail, kind=MixingNetwork) as (running, network):
        failure = running.next()
        answered = running.outcomes(3)
        assert network.batches == [4, 1, 1, 1, 1]
    # In the order of their lengths; which one comes first does not matter.
    outcomes = [failure, *answered.values()]
    assert [event.call.request.id for event in outcomes if isinstance(event, Failed)] == [7]
    for event in outcomes:
        if isinstance(event, Answered):
            assert isinstance(event.call.answer, Rows)
            wanted = expected(event.call.request)
            np.testing.assert_allclose(event.call.answer.values, wanted, rtol=1e-6)


def memory_for(most: int) -> Callable[[Tensor], None]:
    """For so many tokens, in whatever sequences."""

    def fail(tokens: Tensor) -> None:
        if tokens.numel() > most:
            raise BackendError("out_of_memory", f"{tokens.numel()} are too many", "less")

    return fail


def test_a_mix_that_does_not_fit_the_memory_is_taken_apart_and_its_pieces_halved() -> None:
    calls = [
        Call(b"a", make_call(1, batch=9, length=4)),
        Call(b"b", make_call(2, batch=1, length=12)),
        Call(b"c", make_call(3, batch=3, length=2)),
    ]
    with gathered(calls, fail=memory_for(12), kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert network.batches == [13, 3, 9, 4, 2, 2, 5, 2, 3, 1]


def test_memory_is_remembered_in_tokens() -> None:
    """A long sequence that filled it does not keep short ones apart."""
    calls = [Call(bytes([n]), make_call(n, length=16)) for n in range(2)]
    with gathered(calls, fail=memory_for(16), kind=MixingNetwork) as (running, network):
        check(running, calls)
        assert network.batches == [2, 1, 1]
        network.batches.clear()
        again = Call(b"a", make_call(3, batch=12, length=2))
        running.engine.submit(again)
        check(running, [again])
        assert network.batches == [8, 4]


def test_what_a_batch_holds_is_counted_in_tokens_too() -> None:
    line = FairQueue(mixes_lengths=True)
    limits = Limits(tokens=10)
    for number, length in enumerate((8, 4, 2, 1, 16)):
        line.add(cut(Call(bytes([number]), make_call(number, length=length)), limits, V))
    lengths = [[piece.length for piece in line.take(limits, V)] for _ in range(3)]
    assert lengths == [[2, 8], [1, 4], [16]]  # one sequence always runs
    assert not line


@pytest.mark.parametrize("seed", range(10))
def test_nobody_waits_for_more_batches_than_there_are_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line, clients = FairQueue(mixes_lengths=True), [bytes([number]) for number in range(6)]
    limits = Limits(sequences=8, tokens=40, values=100 * V)
    outputs: list[Output] = ["logits", "statistics"]

    def ask(client: bytes) -> None:
        batch, length = int(rng.integers(1, 9)), int(rng.integers(1, 17))
        call = make_call(0, batch, length, output=outputs[rng.integers(2)])
        line.add(cut(Call(client, call), limits, V))

    for client in clients:
        for _ in range(3):
            ask(client)
    waited = dict.fromkeys(clients, 0)
    for _ in range(300):
        served = {piece.call.client for piece in line.take(limits, V)}
        for client in clients:
            waited[client] = 0 if client in served else waited[client] + 1
        assert max(waited.values()) < len(clients)
        for client in served:
            ask(client)


@pytest.mark.parametrize("output", ["logits", "logprobs", "statistics"])
def test_many_clients_at_once_get_their_own_answers(output: Output) -> None:
    rng = np.random.default_rng(0)
    calls = [
        Call(
            bytes([number % 7]),
            make_call(number, int(rng.integers(1, 12)), int(rng.integers(1, 9)), output=output),
        )
        for number in range(200)
    ]
    network = MixingNetwork()
    with engine_of(network, Limits(sequences=8)) as running:
        for call in calls:
            running.engine.submit(call)
        check(running, calls)
    assert network.mixes


def test_a_network_of_ours_answers_a_mix(tmp_path: Path) -> None:
    recipe = Recipe(hidden=32, blocks=2, heads=2, vocab=V, length=16, parameterization="sedd")
    save(checkpoint_dict(recipe), tmp_path / "sedd.ckpt")
    network = load_network(tmp_path / "sedd.ckpt", device="cpu")
    forward = ModelRunner(network)
    line = FairQueue(mixes_lengths=forward.mixes_lengths)
    calls = [Call(bytes([n]), make_call(n, batch=2, length=n, output="logprobs")) for n in (9, 3)]
    for call in calls:
        call.missing = 1
        line.add(cut(call, Limits(), V))
    pieces = line.take(Limits(), V)
    assert {call.client for call in split(pieces, forward(merge(pieces)))} == {b"\x03", b"\x09"}
    for call in calls:
        request = call.request
        arrays = (request.tokens, request.sigma, request.rows)
        alone = network.log_probs(*(torch.from_numpy(array) for array in arrays))
        assert isinstance(call.answer, Rows)
        np.testing.assert_allclose(call.answer.values, alone.numpy(), atol=1e-5, rtol=1e-5)
