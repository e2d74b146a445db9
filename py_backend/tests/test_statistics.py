"""Each statistic is what a float64 computation of its definition gives, however calls are cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
import torch
from fake_backend import FakeCard, FakeNetwork, expected, make_call
from numpy.typing import NDArray
from running_engine import gathered, limited_memory, values_of
from torch import Tensor

from remdm_backend.engine.engine import Answered
from remdm_backend.engine.model_runner import ModelRunner
from remdm_backend.engine.row_results import Rows
from remdm_backend.engine.scheduler import Call, Limits, cut, merge, split
from remdm_backend.model.statistics import StatisticName, row_statistics
from remdm_backend.model.trunk_cache import TrunkCache

NAMES: tuple[StatisticName, ...] = get_args(StatisticName)
V = FakeCard().vocab_size


def by_definition(row: NDArray[np.float64], mask: int, given: int) -> dict[str, float]:
    """Every statistic of one row, term by term, with the exact sums of ``math.fsum``."""
    ids = [token for token in range(len(row)) if token != mask and row[token] > -math.inf]
    peak = max(row[token] for token in ids)
    log_mass = peak + math.log(math.fsum(math.exp(row[token] - peak) for token in ids))
    logs = {token: row[token] - log_mass for token in ids}
    ordered = sorted(logs.values(), reverse=True)
    return {
        "logMass": log_mass,
        "maskLogit": row[mask],
        "max": ordered[0],
        "argmax": min(token for token in ids if row[token] == peak),
        "second": ordered[1] if len(ordered) > 1 else -math.inf,
        "entropy": -math.fsum(math.exp(log) * log for log in ordered),
        "given": logs.get(given, -math.inf),
    }


def assert_as_defined(logits: Tensor, mask: int, given: Tensor) -> None:
    got = row_statistics(logits, mask, NAMES, given)
    assert (got.dtype, got.shape) == (torch.float32, (len(logits), len(NAMES)))
    rows = logits.double().numpy()
    for values, row, token in zip(got.numpy(), rows, given.tolist(), strict=True):
        right = by_definition(row, mask, token)
        # Half a unit of float32, and what the definition itself loses in float64.
        np.testing.assert_allclose(values, [right[name] for name in NAMES], rtol=7e-8, atol=1e-12)


def random_rows(count: int, vocab_size: int, scale: float = 3.0, seed: int = 0) -> Tensor:
    return scale * torch.randn(count, vocab_size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mask", [0, 7, 39])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 3.0, 100.0, 1e30])
def test_random_rows(mask: int, scale: float) -> None:
    assert_as_defined(random_rows(50, 40, scale), mask, torch.arange(50) % 40)


@pytest.mark.parametrize("offset", [0.0, 5e4, -5e4])
def test_tied_rows(offset: float) -> None:
    rows = random_rows(60, 12).round() + offset
    rows[0], rows[1, :6], rows[2, 6:] = offset, 9.0 + offset, 9.0 + offset
    got = row_statistics(rows, 3, ["argmax", "max", "second"])
    assert got[:3, 0].tolist() == [0, 0, 6]
    assert torch.equal(got[:3, 1], got[:3, 2])
    assert_as_defined(rows, 3, torch.arange(60) % 12)


def test_rows_with_many_impossible_tokens() -> None:
    rows = random_rows(80, 30)
    rows[torch.rand(80, 30, generator=torch.Generator().manual_seed(1)) < 0.9] = -torch.inf
    rows[:, 4] = torch.arange(80) / 10
    assert_as_defined(rows, 29, torch.arange(80) % 30)


def test_one_token() -> None:
    rows = torch.full((2, 5), -torch.inf)
    rows[0, 3], rows[1, 0] = -2.5, 1e4
    rows[:, 1] = 99.0
    got = row_statistics(rows, 1, NAMES, torch.tensor([3, 3]))
    inf = math.inf
    assert got.tolist() == [[-2.5, 99, 0, 3, -inf, 0, 0], [1e4, 99, 0, 0, -inf, 0, -inf]]
    assert row_statistics(torch.tensor([[1.5, 2.5]]), 0, ["second", "max"]).tolist() == [[-inf, 0]]


def test_bfloat16_rows_are_reduced_as_the_numbers_that_they_are() -> None:
    rows = random_rows(40, 64).bfloat16()
    assert_as_defined(rows, 10, torch.arange(40))
    wide = rows.float()
    assert torch.equal(row_statistics(rows, 10, ["entropy"]), row_statistics(wide, 10, ["entropy"]))


def test_a_large_vocabulary() -> None:
    vocab_size = 50_258
    rows = random_rows(6, vocab_size)
    rows[1], rows[2, 50_000] = 0.0, 40.0  # an even row, and an almost certain one
    assert_as_defined(rows, vocab_size - 1, torch.tensor([0, 1, 2, 50_000, 50_256, 50_257]))


@pytest.mark.parametrize("width", [512, 513, 700, 768])
def test_the_likeliest_of_a_wide_row_is_the_first_of_equals(width: int) -> None:
    places = [(0,), (255, 256), (511, 300), (width - 1,), (width - 1, width - 2), (2, width - 1)]
    rows = torch.zeros(len(places) + 2, width)
    for row, equal in zip(rows, places, strict=False):
        row[list(equal)] = 1.5
    rows[-2] = -torch.inf
    rows[-2, width - 1] = -3.0
    rows[-1, width - 1] = torch.nan
    got = row_statistics(rows, 1, ["argmax", "max"])
    assert got[:-1, 0].tolist() == [min(equal) for equal in places] + [width - 1]
    assert got[-2].tolist() == [width - 1, 0.0]
    assert got[-1].isnan().all()


def test_rows_that_are_reduced_in_portions_have_the_statistics_of_each_alone() -> None:
    vocab_size = 50_258  # ten rows at a time
    rows, given = random_rows(23, vocab_size), torch.arange(23) * 7
    together = row_statistics(rows, 3, NAMES, given)
    alone = [row_statistics(rows[i : i + 1], 3, NAMES, given[i : i + 1]) for i in range(23)]
    assert torch.equal(together, torch.cat(alone))


def test_a_rest_far_below_the_likeliest_token_keeps_its_digits() -> None:
    rows = torch.tensor([[0.0, -60.0, -70.0, 5.0]])
    got = row_statistics(rows, 3, ["max", "entropy"])[0].double()
    rest = math.exp(-60) + math.exp(-70)
    entropy = rest + 60 * math.exp(-60) + 70 * math.exp(-70)
    assert got.tolist() == pytest.approx([-rest, entropy], rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_statistic_alone_is_that_of_all(name: StatisticName) -> None:
    rows, given = random_rows(9, 20), torch.arange(9)
    alone = row_statistics(rows, 5, [name], given)
    assert torch.equal(alone[:, 0], row_statistics(rows, 5, NAMES, given)[:, NAMES.index(name)])


def test_the_rows_that_were_given_are_left_as_they_are() -> None:
    for dtype in (torch.float32, torch.float64):
        rows = random_rows(3, 9).to(dtype)
        before = rows.clone()
        row_statistics(rows, 2, NAMES, torch.arange(3))
        assert torch.equal(rows, before)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_row_that_is_no_distribution_has_no_statistic_but_the_masks_logit(wrong: float) -> None:
    rows = random_rows(3, 6)
    rows[1, 2], rows[2, 5] = wrong, wrong
    got = row_statistics(rows, 5, NAMES, torch.tensor([0, 0, 0]))
    mask_logit = NAMES.index("maskLogit")
    others = [column for column in range(len(NAMES)) if column != mask_logit]
    assert got[0].isfinite().all()
    assert got[1, others].isnan().all()
    assert got[1, mask_logit] == rows[1, 5]
    assert got[2, others].isfinite().all()  # the mask's own logit has no part in it
    assert got[2, mask_logit].item() == pytest.approx(wrong, nan_ok=True)


def test_a_row_without_mass_says_so_and_nothing_else() -> None:
    rows = torch.full((1, 4), -torch.inf)
    rows[0, 3] = 2.0
    values = row_statistics(rows, 3, NAMES, torch.tensor([1]))[0].tolist()
    got = dict(zip(NAMES, values, strict=True))
    assert (got.pop("logMass"), got.pop("maskLogit")) == (-math.inf, 2.0)
    assert all(math.isnan(value) for value in got.values())


class LogitsNetwork(FakeNetwork):
    """Its statistics are those of its rows."""

    def statistics(
        self,
        tokens: Tensor,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None = None,
        *,
        names: Sequence[StatisticName],
        given: Tensor | None = None,
    ) -> Tensor:
        return row_statistics(self.logits(tokens, sigma, rows, cache), V - 1, names, given)


@pytest.mark.parametrize("limits", [Limits(), Limits(sequences=2), Limits(values=7 * 5)])
def test_a_call_that_is_cut_is_put_together_again(limits: Limits) -> None:
    rows = [0, 1, 5, 8, 9, 14, 20, 27]
    request = make_call(3, 7, rows=rows, output="statistics", statistics=NAMES)
    call = Call(b"a", request)
    network = LogitsNetwork()
    run = ModelRunner(network)
    pieces = cut(call, limits, V)
    call.missing = len(pieces)
    assert (len(pieces) > 1) == (limits != Limits())
    for piece in pieces:
        list(split([piece], run(merge([piece]))))
    assert request.given is not None
    arrays = (request.tokens, request.sigma, request.rows)
    tensors = (torch.from_numpy(array) for array in arrays)
    whole = network.statistics(*tensors, names=NAMES, given=torch.from_numpy(request.given))
    assert isinstance(call.answer, Rows)
    np.testing.assert_array_equal(call.answer.values, whole.numpy())


def test_calls_with_the_same_list_share_a_forward_and_others_do_not() -> None:
    lists: list[tuple[StatisticName, ...]] = [
        ("max", "given"), ("given", "max"), ("max", "given"), ("max",), ("max", "given"),
    ]  # fmt: skip
    calls = [
        Call(bytes([number]), make_call(number, 2, output="statistics", statistics=statistics))
        for number, statistics in enumerate(lists)
    ]
    with gathered(calls) as (running, network):
        outcomes = running.outcomes(len(calls))
    assert sorted(network.batches) == [2, 2, 6]
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        np.testing.assert_allclose(values_of(event), expected(call.request), rtol=1e-6)


def test_a_call_that_does_not_fit_the_memory_is_halved_with_its_given_tokens() -> None:
    calls = [Call(bytes([n]), make_call(n, 5, output="statistics")) for n in range(3)]
    with gathered(calls, fail=limited_memory(2)) as (running, _):
        outcomes = running.outcomes(len(calls))
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        np.testing.assert_allclose(values_of(event), expected(call.request), rtol=1e-6)
