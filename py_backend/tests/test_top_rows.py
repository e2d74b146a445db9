"""The tops of rows: exactly the tokens that a draw can take, alone and through the engine."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from fake_backend import FakeNetwork, make_call
from running_engine import engine_of, gathered, limited_memory
from torch import Tensor

from remdm_backend.engine.engine import Answered, Event
from remdm_backend.engine.model_runner import ModelRunner
from remdm_backend.engine.row_results import Answer, Rows
from remdm_backend.engine.scheduler import Call, Limits, cut, merge
from remdm_backend.model.top_rows import CANDIDATES, TopRows, top_rows
from remdm_backend.model.trunk_cache import TrunkCache
from remdm_backend.wire.protocol import TopCut

MASK = 3
INFINITE = math.inf


def tops_of(tops: TopRows) -> list[tuple[list[int], list[float], float]]:
    """Ids, logits and rest of each row."""
    ends = tops.counts.cumsum(0).tolist()
    begins = [0, *ends[:-1]]
    return [
        (tops.ids[begin:end].tolist(), tops.logits[begin:end].tolist(), float(rest))
        for begin, end, rest in zip(begins, ends, tops.rest, strict=True)
    ]


def by_hand(row: Tensor, mass: float) -> tuple[list[int], float]:
    """One token after the other, from the likeliest."""
    others = [v for v in range(len(row)) if v != MASK and row[v] > -INFINITE]
    peak = max(float(row[v]) for v in others)
    weights = {v: math.exp(float(row[v]) - peak) for v in others}
    goal = (mass + 1e-9) * math.fsum(weights.values())
    held, edge = 0.0, -INFINITE
    for v in sorted(others, key=lambda v: -float(row[v])):
        held += weights[v]
        if held > goal:
            edge = float(row[v])
            break
    kept = [v for v in others if float(row[v]) >= edge]
    return kept, math.fsum(weight for v, weight in weights.items() if v not in set(kept))


@pytest.mark.parametrize("mass", [0.001, 0.3, 0.9, 0.9999, 1 - 1e-12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [5, 300, CANDIDATES + 900])
def test_they_are_what_one_finds_by_hand(width: int, dtype: torch.dtype, mass: float) -> None:
    """Peaked rows, flat ones that need more than the first candidates, and impossible tokens."""
    logits = torch.randn(6, width) * torch.tensor([[8.0], [3], [1], [0.1], [0], [2]])
    logits[5, torch.rand(width) < 0.5] = -INFINITE
    logits[5, 0] = 1
    logits = logits.to(dtype)
    before = logits.clone()
    found = tops_of(top_rows(logits, MASK, mass))
    assert torch.equal(logits, before)
    for row, (ids, values, rest) in zip(logits, found, strict=True):
        kept, left = by_hand(row, mass)
        assert ids == kept
        assert values == row[kept].tolist()
        assert rest == pytest.approx(left, rel=1e-13, abs=1e-300)


def drawable(
    row: Tensor, mass: float | None, temperature: float, top_k: int | None
) -> tuple[list[int], float]:
    """What is left of a row by the definition, with sums of any precision; and the rest."""
    others = [v for v in range(len(row)) if v != MASK and row[v] > -INFINITE]
    ranked = sorted(others, key=lambda v: -float(row[v]))[:top_k]
    peak = float(row[ranked[0]])
    weights = {v: math.exp((float(row[v]) - peak) / temperature) for v in ranked}
    goal = math.inf if mass is None else (mass + 1e-9) * math.fsum(weights.values())
    held, edge = 0.0, float(row[ranked[-1]]) if top_k else -INFINITE
    for v in ranked:
        held += weights[v]
        if held > goal:
            edge = float(row[v])
            break
    # At a high temperature other logits have the same weight, and belong to what is equal.
    if edge > float(row[ranked[-1]]):
        edge = max(edge - 1e-12 * temperature, float(row[ranked[-1]]) if top_k else -INFINITE)
    left = math.fsum(weight for v, weight in weights.items() if row[v] < edge)
    return [v for v in others if float(row[v]) >= edge], left


@pytest.mark.parametrize(
    ("mass", "top_k"),
    [
        *itertools.product([0.001, 0.3, 0.9], [None, 1, 7, 10**6]),
        *itertools.product([None], [1, 7, 99, 10**6]),
    ],
)
@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 0.5, 1, 2, 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_temperature_and_top_k_are_what_one_finds_by_hand(
    dtype: torch.dtype, top_k: int | None, temperature: float, mass: float | None
) -> None:
    """Peaked rows, flat ones, equals at the edge of top-k, impossible tokens, a likely mask."""
    logits = torch.randn(6, 100) * torch.tensor([[8.0], [3], [1], [0.1], [0], [2]])
    logits[2] = logits[2].round()
    logits[5, 4:] = -INFINITE
    logits[:, MASK] = 50
    logits = logits.to(dtype)
    tops = top_rows(logits, MASK, mass, temperature, top_k)
    found = tops_of(tops)
    for row, (ids, values, rest), log_mass in zip(logits, found, tops.log_mass, strict=True):
        kept, left = drawable(row, mass, temperature, top_k)
        assert ids == kept
        assert values == row[kept].tolist()
        assert rest == pytest.approx(left, rel=1e-12, abs=1e-300)
        others = row.double()
        others[MASK] = -INFINITE
        assert float(log_mass) == pytest.approx(float(others.logsumexp(0)), rel=1e-13)


def test_all_equals_of_the_kth_are_kept_and_no_other_counts() -> None:
    row = torch.tensor([[2.0, 1, 1, 9, 1, 0]])
    ((ids, _, rest),) = tops_of(top_rows(row, MASK, None, top_k=2))
    assert (ids, rest) == ([0, 1, 2, 4], 0)
    # Of 2 and 1 the first has 0.73, more than half: the second is the rest, and its equals are not.
    ((ids, _, rest),) = tops_of(top_rows(row, MASK, 0.5, top_k=2))
    assert ids == [0]
    assert rest == pytest.approx(math.exp(-1))
    # At temperature 2 it has 0.62.
    ((ids, _, rest),) = tops_of(top_rows(row, MASK, 0.7, 2, 2))
    assert (ids, rest) == ([0, 1, 2, 4], 0)


def test_the_sum_of_a_row_is_kept_to_the_last_bits() -> None:
    logits = torch.randn(1, 50_000) * 3
    logits[0, MASK] = 100
    ((_, values, rest),) = tops_of(top_rows(logits, MASK, 0.9))
    others = torch.cat([logits[0, :MASK], logits[0, MASK + 1 :]]).tolist()
    peak = max(others)
    whole = math.fsum(math.exp(value - peak) for value in others)
    total = math.fsum([rest, *(math.exp(value - peak) for value in values)])
    assert total == pytest.approx(whole, rel=1e-15)
    assert 1000 < len(values) < 4000


def test_equals_of_the_token_that_crosses_are_kept() -> None:
    ((ids, _, rest),) = tops_of(top_rows(torch.tensor([[2.0, 1, 1, 9, 1, 0]]), MASK, 0.5))
    assert ids == [0, 1, 2, 4]
    assert rest == pytest.approx(math.exp(-2))


def test_a_row_of_which_nothing_can_go_has_no_rest() -> None:
    ((ids, _, rest),) = tops_of(top_rows(torch.tensor([[1.0, 1, 1, 1]]), MASK, 0.99))
    assert (ids, rest) == ([0, 1, 2], 0)


@pytest.mark.parametrize("bad", [math.nan, INFINITE])
def test_a_row_that_is_no_distribution_is_kept_whole(bad: float) -> None:
    rows = torch.tensor([[5.0, 0, 0, 0, 0], [5, 0, bad, 0, -INFINITE], [5, 0, 0, bad, 0]])
    cuts = (TopCut(0.5), TopCut(0.5, 1e-300), TopCut(0.5, 1, 2), TopCut(top_k=1))
    for mass, temperature, top_k in cuts:
        tops = tops_of(top_rows(rows, MASK, mass, temperature, top_k))
        usual, broken, only_the_mask = tops
        assert (usual[0], only_the_mask[0]) == ([0], [0])
        assert broken[0] == [0, 1, 2, 4]
        assert broken[2] == 0


def test_a_row_without_a_token_has_none() -> None:
    for top_k in (None, 2):
        tops = top_rows(torch.full((2, 5), -INFINITE), MASK, 0.5, 0.1, top_k)
        assert tops_of(tops) == [([], [], 0), ([], [], 0)]
        assert tops.log_mass.tolist() == [-INFINITE, -INFINITE]


def test_no_rows_have_no_tops() -> None:
    assert [len(part) for part in top_rows(torch.empty(0, 5), MASK, 0.5)] == [0] * 5


class Half(FakeNetwork):
    """Its head computes in bfloat16."""

    def logits(
        self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None = None
    ) -> Tensor:
        return super().logits(tokens, sigma, rows, cache).bfloat16()


def alone(network: FakeNetwork, call: Call) -> Answer:
    return ModelRunner(network)(merge(cut(call, Limits(sequences=10**6), 8)))


def assert_same(event: Event, want: Answer) -> None:
    assert isinstance(event, Answered)
    got = event.call.answer
    assert got is not None
    assert type(got) is type(want)
    for name, values in vars(want).items():
        np.testing.assert_array_equal(getattr(got, name), values)
        assert getattr(got, name).dtype == values.dtype


@pytest.mark.parametrize("network", [FakeNetwork, Half])
@pytest.mark.parametrize("top", [None, TopCut(0.5), TopCut(0.5, 3, 4), TopCut(top_k=2)])
def test_a_call_in_pieces_is_put_together_again(
    network: type[FakeNetwork], top: TopCut | None
) -> None:
    """One piece asks for nothing, one is the last and smaller."""
    rows = [0, 5, 6, 7, *range(16, 20)]
    call = Call(b"a", make_call(1, batch=5, rows=rows, top=top))
    with engine_of(network(), Limits(sequences=2)) as running:
        running.engine.submit(call)
        (event,) = running.outcomes(1).values()
    assert_same(event, alone(network(), call))


def test_calls_of_one_cut_run_together_and_those_of_another_apart() -> None:
    half = TopCut(0.5)
    cuts = (half, half, TopCut(0.9), None, TopCut(0.5, 2), TopCut(0.5, 2, 3), TopCut(0.5, 2))
    calls = [
        Call(bytes([number]), make_call(number, batch=2, rows=[1, number % 8], top=top))
        for number, top in enumerate(cuts, start=2)
    ]
    with gathered(calls) as (running, network):
        outcomes = running.outcomes(len(cuts))
        assert network.batches == [4, 2, 2, 4, 2]
    for call in calls:
        assert_same(outcomes[call.request.id], alone(FakeNetwork(), call))


def test_what_does_not_fit_the_memory_is_halved() -> None:
    call = Call(b"a", make_call(1, batch=7, top=TopCut(0.5)))
    with gathered([call], fail=limited_memory(2)) as (running, _):
        (event,) = running.outcomes(1).values()
    assert_same(event, alone(FakeNetwork(), call))


def test_logits_in_bfloat16_travel_as_such_and_lose_nothing() -> None:
    call = Call(b"a", make_call(1))
    narrow, wide = alone(Half(), call), alone(FakeNetwork(), call)
    assert isinstance(narrow, Rows)
    assert isinstance(wide, Rows)
    assert (narrow.values.dtype, wide.values.dtype) == (np.uint16, np.float32)
    widened = (narrow.values.astype(np.uint32) << 16).view(np.float32)
    rounded = torch.from_numpy(wide.values).bfloat16().float().numpy()
    np.testing.assert_array_equal(widened.view(np.uint32), rounded.view(np.uint32))


def test_tops_that_do_not_add_up_reach_nobody() -> None:
    class Wrong(FakeNetwork):
        def top_rows(
            self,
            tokens: Tensor,
            sigma: Tensor,
            rows: Tensor,
            cache: TrunkCache | None = None,
            *,
            mass: float | None,
            temperature: float = 1.0,
            top_k: int | None = None,
        ) -> TopRows:
            tops = super().top_rows(tokens, sigma, rows, cache, mass=mass)
            return tops._replace(counts=tops.counts + 1)

    with pytest.raises(RuntimeError, match="the network gave"):
        alone(Wrong(), Call(b"a", make_call(1, top=TopCut(0.5))))
