"""Bans and guidance: rows are changed before anything is made of them, and each is checked against
two networks' rows that are combined here by hand."""

from __future__ import annotations

import math
import queue
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_backend import FakeNetwork, make_call
from numpy.typing import NDArray
from running_engine import Running, gathered
from torch import Tensor

from remdm_backend.engine.engine import Answered, Engine, Event, Failed, Loaded
from remdm_backend.engine.model_runner import ModelRunner, bytes_needed
from remdm_backend.engine.row_results import Answer, Rows, TopRows
from remdm_backend.engine.scheduler import Call, FairQueue, Limits, cut, merge
from remdm_backend.model.adjustment import Adjustment, guided
from remdm_backend.model.adjustment import Guidance as NetworkGuidance
from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.backbone import States
from remdm_backend.model.card import Kind, ModelCard
from remdm_backend.model.dit import DiT, Shape
from remdm_backend.model.network import CausalNetwork, MaskedNetwork
from remdm_backend.model.packing import Packed, Tokens
from remdm_backend.model.trunk_cache import TrunkCache
from remdm_backend.wire.protocol import Forward, Guidance, Output, StatisticName, TopCut

V, MASK = 8, 7
INFINITE = math.inf
CARD = ModelCard(
    kind="mdlm", vocab_size=V, mask_id=MASK, length=16, time_conditioning=True, hidden_size=32,
    n_blocks=2, n_heads=4, cond_dim=8, parameters=0, weights="raw", name="tiny",
    format="safetensors",
)  # fmt: skip
NAMES: tuple[StatisticName, ...] = (
    "logMass", "maskLogit", "max", "argmax", "second", "entropy", "given",
)  # fmt: skip


class Counting(DiT):
    """``batches`` has the number of sequences of each trunk that was computed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.batches: list[int] = []
        self.most = 10**9

    def trunk(self, tokens: Tokens, sigma: Tensor) -> States:
        count = len(tokens.lengths if isinstance(tokens, Packed) else tokens)
        if count > self.most:
            raise MemoryError
        self.batches.append(count)
        return super().trunk(tokens, sigma)


def assert_close(got: NDArray[np.float32], want: NDArray[np.float32]) -> None:
    """Of rows from batches of other sizes, which a processor adds up in another order."""
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.fixture
def backbone() -> Counting:
    torch.manual_seed(3)
    network = Counting(Shape(V, 32, 2, 4, 8))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    return network


def network_of(
    backbone: Counting, card: ModelCard = CARD, dtype: torch.dtype = torch.float32
) -> MaskedNetwork:
    cpu = torch.device("cpu")
    return MaskedNetwork(card, backbone, device=cpu, dtype=dtype, attention="sdpa")


def guided_call(
    number: int,
    *,
    masked: list[int] | None = None,
    scale: float = 1.5,
    batch: int = 2,
    length: int = 5,
    rows: list[int] | None = None,
    output: Output = "logits",
    cache: int | None = None,
    top_mass: float | None = None,
    statistics: tuple[StatisticName, ...] = (),
    banned: list[int] | None = None,
) -> Forward:
    """Masks the first two tokens of every sequence unless ``masked`` says otherwise."""
    places = [b * length + i for b in range(batch) for i in (0, 1)] if masked is None else masked
    guidance = Guidance(scale, np.array(places, dtype=np.int64))
    return make_call(
        number,
        batch,
        length,
        rows=rows,
        output=output,
        cache=cache,
        top=None if top_mass is None else TopCut(top_mass),
        statistics=statistics,
        banned=banned,
        guidance=guidance,
    )


def unguided(call: Forward) -> Forward:
    return replace(call, guidance=None)


def answered(network: MaskedNetwork | FakeNetwork, call: Forward) -> Answer:
    return ModelRunner(network)(merge(cut(Call(b"a", call), Limits(sequences=10**6), V)))


def rows_of(answer: Answer) -> NDArray[np.float32]:
    assert isinstance(answer, Rows)
    assert answer.values.dtype == np.float32
    return answer.values.view(np.float32)


def combined(network: MaskedNetwork, call: Forward) -> NDArray[np.float32]:
    """The logits of ``call`` from two plain calls of the network, in float32."""
    tokens, sigma = torch.from_numpy(call.tokens), torch.from_numpy(call.sigma)
    rows = torch.from_numpy(call.rows)
    certain = network.logits(tokens, sigma, rows).float().numpy()
    if call.guidance is not None:
        hidden = call.tokens.copy()
        hidden.reshape(-1)[call.guidance.masked] = MASK
        free = network.logits(torch.from_numpy(hidden), sigma, rows).float().numpy()
        factor = np.float32(call.guidance.scale + 1)
        certain = free + factor * (certain - free)
    values = certain.copy()
    if call.banned is not None:
        values[:, call.banned] = -INFINITE
    return values


def statistic_of(name: StatisticName, row: NDArray[np.float32], given: int) -> float:
    """Straight from its definition."""
    possible = [v for v in range(V) if v != MASK and row[v] > -INFINITE]
    mass = math.log(math.fsum(math.exp(row[v]) for v in possible))
    logs = {v: float(row[v]) - mass for v in possible}
    best = sorted(logs.values(), reverse=True)
    return {
        "logMass": mass,
        "maskLogit": float(row[MASK]),
        "max": best[0],
        "argmax": min(v for v in possible if logs[v] == best[0]),
        "second": best[1] if len(best) > 1 else -INFINITE,
        "entropy": -math.fsum(math.exp(log) * log for log in best),
        "given": logs.get(given, -INFINITE),
    }[name]


@pytest.mark.parametrize("banned", [None, [0], [1, 2, 6], [0, 1, 2, 3, 4, 5]])
@pytest.mark.parametrize("scale", [None, 0.5, 3.0])
def test_every_output_is_made_of_the_changed_logits(
    backbone: Counting, banned: list[int] | None, scale: float | None
) -> None:
    """By hand from two plain calls: guidance, then bans, then what was asked for."""
    network = network_of(backbone)

    call = guided_call(5, banned=banned, scale=scale or 1)
    call = call if scale is not None else unguided(call)
    want = combined(network, call)
    assert_close(rows_of(answered(network, call)), want)

    given = np.arange(len(call.rows)) % V
    asked = replace(call, output="statistics", statistics=NAMES, given=given)
    statistics = [
        [statistic_of(name, row, token) for name in NAMES]
        for row, token in zip(want, given.tolist(), strict=True)
    ]
    np.testing.assert_allclose(rows_of(answered(network, asked)), statistics, rtol=1e-4, atol=1e-4)

    tops = answered(network, replace(call, top=TopCut(0.999999)))
    assert isinstance(tops, TopRows)
    begin = 0
    for row, count in zip(want, tops.counts.tolist(), strict=True):
        ids = tops.ids[begin : begin + count]
        assert set(ids.tolist()) <= {v for v in range(V) if v != MASK} - set(banned or [])
        assert int(row[:MASK].argmax()) in ids
        assert_close(tops.logits[begin : begin + count], row[ids])
        begin += count

    logprobs = rows_of(answered(network, replace(call, output="logprobs")))
    tokens = asked.tokens.reshape(-1)
    for row, logits, token in zip(logprobs, want, tokens.tolist(), strict=True):
        if token != MASK:  # SUBS carries a revealed token over, whatever the logits are
            assert row[token] == 0
            continue
        mass = statistic_of("logMass", logits, 0)
        np.testing.assert_allclose(row[:MASK], logits[:MASK] - mass, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["sedd", "d3pm"])
def test_other_kinds_of_masked_models_are_guided_too(backbone: Counting, kind: Kind) -> None:
    network = network_of(backbone, replace(CARD, kind=kind))
    call = guided_call(4, banned=[3])
    assert_close(rows_of(answered(network, call)), combined(network, call))


def test_rows_are_those_of_the_tokens_that_stand_there(backbone: Counting) -> None:
    """SEDD's scores are 0 at the token of the row, which the unconditional forward does not see."""
    network = network_of(backbone, replace(CARD, kind="sedd"))
    call = guided_call(6, output="logprobs")
    values = rows_of(answered(network, call))
    assert (values[np.arange(len(values)), call.tokens.reshape(-1)] == 0).all()


def test_without_masked_positions_it_is_the_conditional_row_to_the_last_bit(
    backbone: Counting,
) -> None:
    network = network_of(backbone)
    call = guided_call(3, masked=[])
    plain = answered(network, unguided(call))
    backbone.batches.clear()
    np.testing.assert_array_equal(rows_of(answered(network, call)), rows_of(plain))
    assert backbone.batches == [2]


def test_guided_rows_of_a_bfloat16_network_are_float32(backbone: Counting) -> None:
    """Rounded once more they would say less than the float32 numbers that they came from."""
    network = network_of(backbone, dtype=torch.bfloat16)
    for masked in (None, []):
        call = guided_call(2, masked=masked)
        values = rows_of(answered(network, call))
        np.testing.assert_allclose(values, combined(network, call), rtol=0.05, atol=0.05)
    plain = answered(network, replace(unguided(call), banned=np.array([1])))
    assert isinstance(plain, Rows)
    assert plain.values.dtype == np.uint16


@pytest.mark.parametrize(
    ("certain", "free", "want"),
    [
        (1.0, -INFINITE, -INFINITE),
        (-INFINITE, 1.0, -INFINITE),
        (-INFINITE, -INFINITE, -INFINITE),
        (INFINITE, -INFINITE, -INFINITE),
        (2.0, 1.0, 4.0),
        (INFINITE, 1.0, INFINITE),
        (math.nan, 1.0, math.nan),
        (1.0, math.nan, math.nan),
        (INFINITE, INFINITE, math.nan),
    ],
)
def test_a_token_that_either_forward_excludes_stays_excluded(
    certain: float, free: float, want: float
) -> None:
    """What is no distribution stays none: the sampler refuses NaN and +inf."""
    value = guided(torch.tensor([certain]), torch.tensor([free]), 2.0)
    np.testing.assert_array_equal(value.numpy(), np.float32([want]))


def test_guided_rows_round_after_each_operation() -> None:
    certain, free = torch.randn(2, 1000).unbind()
    for scale in (0.1, 1.0, 7.3):
        values = guided(certain, free, scale).numpy()
        factor = np.float32(scale + 1)
        np.testing.assert_array_equal(
            values, (certain.numpy() - free.numpy()) * factor + free.numpy()
        )


@pytest.mark.parametrize("scale", [None, 2.0])
def test_a_cached_trunk_answers_statistics_then_tops_and_runs_once(
    backbone: Counting, scale: float | None
) -> None:
    network = network_of(backbone)
    runner = ModelRunner(network)

    def ask(call: Forward) -> Answer:
        asked = call if scale is not None else unguided(call)
        return runner(merge(cut(Call(b"a", asked), Limits(), V)))

    call = guided_call(8, cache=1, banned=[2], scale=scale or 1)
    names: tuple[StatisticName, ...] = ("max", "argmax")
    statistics = rows_of(ask(replace(call, output="statistics", statistics=names)))
    assert backbone.batches == [2 if scale is None else 4]
    few = replace(call, rows=np.array([1, 6]))
    tops = ask(replace(few, top=TopCut(1e-9)))
    rows = rows_of(ask(few))
    assert backbone.batches == [2 if scale is None else 4]  # the trunk ran once
    assert isinstance(tops, TopRows)
    assert tops.ids.tolist() == statistics[[1, 6], 1].tolist()
    want = combined(network, few if scale is not None else unguided(few))
    assert_close(rows, want)


def test_the_cache_of_another_prompt_is_not_taken(backbone: Counting) -> None:
    """The same tokens, of which more are hidden: the trunk of the first question is no answer."""
    network = network_of(backbone)
    cache = TrunkCache()
    tokens, sigma = torch.arange(10).view(2, 5) % MASK, torch.tensor([0.5, 1.0])
    rows = torch.arange(10)
    for masked in ([0, 5], [0, 1, 5, 6], []):
        adjustment = Adjustment(NetworkGuidance(1.0, torch.tensor(masked, dtype=torch.int64)))
        changed = network.adjusted(adjustment)
        fresh = changed.logits(tokens, sigma, rows)
        assert torch.equal(changed.logits(tokens, sigma, rows, cache), fresh)
    plain = network.logits(tokens, sigma, rows)
    assert torch.equal(network.logits(tokens, sigma, rows, cache), plain)


class Serving(Running):
    """A started engine that holds a real network."""

    def __init__(self, network: MaskedNetwork, limits: Limits) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.engine = Engine(lambda: network, self._deliver, limits)
        self.engine.start()
        assert isinstance(self.next(), Loaded)


def through_an_engine(
    network: MaskedNetwork, limits: Limits, calls: list[Forward]
) -> dict[int, Answered | Failed]:
    serving = Serving(network, limits)
    try:
        for call in calls:
            serving.engine.submit(Call(b"%d" % call.id, call))
        return serving.outcomes(len(calls))
    finally:
        serving.engine.stop()
        serving.engine.join(60)


def check_outcome(network: MaskedNetwork, call: Forward, event: Answered | Failed) -> None:
    assert isinstance(event, Answered), event
    assert event.call.answer is not None
    assert_close(rows_of(event.call.answer), combined(network, call))


@pytest.mark.parametrize("cache", [None, 4])
def test_a_guided_call_in_pieces_counts_twice_and_is_put_together_again(
    backbone: Counting, cache: int | None
) -> None:
    """The pieces have masked positions of their own, one of them none, and one has no rows."""
    network = network_of(backbone)
    masked = [0, 1, 5, 15, 16, 20, 34]
    rows = [0, 4, 5, 11, 20, 24, 30, 34]
    call = guided_call(1, batch=7, masked=masked, rows=rows, banned=[4], cache=cache)
    (event,) = through_an_engine(network, Limits(sequences=4), [call]).values()
    assert max(backbone.batches) == 4  # two sequences, twice
    check_outcome(network, call, event)


def test_what_does_not_fit_the_memory_is_halved_down_to_one_sequence(backbone: Counting) -> None:
    network = network_of(backbone)
    backbone.most = 2
    call = guided_call(1, batch=5)
    (event,) = through_an_engine(network, Limits(), [call]).values()
    backbone.most = 10**9
    check_outcome(network, call, event)
    backbone.most = 1
    (failed,) = through_an_engine(network, Limits(), [guided_call(2, batch=3)]).values()
    assert isinstance(failed, Failed)
    assert failed.error.code == "out_of_memory"


def test_batches_become_smaller_by_what_was_computed_and_not_by_half_of_it(
    backbone: Counting,
) -> None:
    network = network_of(backbone)
    backbone.most = 4
    calls = [guided_call(number, batch=4) for number in (1, 2)]
    serving = Serving(network, Limits())
    try:
        for call in calls:
            serving.engine.submit(Call(b"a", call))
            answer = serving.outcomes(1)[call.id]
            assert isinstance(answer, Answered)
    finally:
        serving.engine.stop()
        serving.engine.join(60)
    assert backbone.batches == [4, 4, 4, 4]


def test_guided_calls_of_different_lengths_share_a_forward(backbone: Counting) -> None:
    network = network_of(backbone)
    calls = [
        Call(b"a", guided_call(1, batch=2, length=5, rows=[0, 4, 7])),
        Call(b"b", guided_call(2, batch=1, length=3)),
        Call(b"c", guided_call(3, batch=2, length=9, masked=[4, 12], rows=[17])),
        Call(b"d", guided_call(4, batch=2, length=3, masked=[])),
    ]
    pieces = [piece for call in calls for piece in cut(call, Limits(), V)]
    answer = ModelRunner(network)(merge(pieces))
    assert backbone.batches == [14]
    values = rows_of(answer)
    begin = 0
    for call in calls:
        count = len(call.request.rows)
        want = combined(network, call.request)
        assert_close(values[begin : begin + count], want)
        begin += count


def test_calls_share_a_forward_that_want_the_same_bans_and_no_others() -> None:
    bans = ([1], [1], [1, 2], None)
    calls = [
        Call(bytes([number]), make_call(number, batch=2, banned=banned))
        for number, banned in enumerate(bans, start=2)
    ]
    with gathered(calls) as (running, network):
        outcomes = running.outcomes(4)
        assert network.batches == [4, 2, 2]
    for call in calls:
        event = outcomes[call.request.id]
        assert isinstance(event, Answered)
        assert event.call.answer is not None
        want = rows_of(answered(FakeNetwork(), call.request))
        np.testing.assert_array_equal(rows_of(event.call.answer), want)


def test_calls_share_a_forward_that_want_the_same_scale(backbone: Counting) -> None:
    """They gather behind a call that has a cache and runs alone."""
    network = network_of(backbone)
    scales = (None, 1.0, 1.0, 2.0)
    calls = [guided_call(1, batch=64, length=16, cache=1)]
    for number, scale in enumerate(scales, start=2):
        call = guided_call(number, scale=scale or 1)
        calls.append(call if scale is not None else unguided(call))
    outcomes = through_an_engine(network, Limits(sequences=128), calls)
    for call in calls:
        check_outcome(network, call, outcomes[call.id])


def test_a_batch_is_full_sooner_of_guided_sequences() -> None:
    calls = [Call(bytes([n]), guided_call(n, batch=3)) for n in range(2)]
    for limits in (Limits(sequences=11), Limits(tokens=59)):
        line = FairQueue()
        for call in calls:
            line.add(cut(call, limits, V))
        assert [piece.call for piece in line.take(limits, V)] == calls[:1]
    line = FairQueue()
    for call in calls:
        line.add(cut(call, Limits(sequences=12), V))
    assert len(line.take(Limits(sequences=12, tokens=60), V)) == 2


@pytest.mark.parametrize(
    ("output", "top_mass"), [("logits", None), ("logits", 0.5), ("statistics", None)]
)
def test_a_guided_batch_needs_the_room_of_twice_the_sequences(
    output: Output, top_mass: float | None
) -> None:
    card = replace(CARD, vocab_size=50_258, hidden_size=768, length=1024)

    def needed(call: Forward) -> int:
        (piece,) = cut(Call(b"a", call), Limits(values=10**12), card.vocab_size)
        return bytes_needed(merge([piece]), card)

    one, twice = (
        guided_call(1, batch=batch, length=1024, rows=[5], output=output, top_mass=top_mass)
        for batch in (4, 8)
    )
    assert needed(one) > 1.9 * needed(unguided(one))
    assert needed(one) >= needed(unguided(twice))


def test_an_autoregressive_network_has_bans() -> None:
    card = replace(CARD, kind="ar", time_conditioning=False)
    torch.manual_seed(5)
    backbone = Autoregressive(Shape(V, 32, 2, 4, 8))
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    cpu = torch.device("cpu")
    network = CausalNetwork(card, backbone, device=cpu, dtype=torch.float32, attention="sdpa")
    tokens, sigma, rows = torch.tensor([[0, 1, 2]]), torch.zeros(1), torch.tensor([1, 2])
    changed = network.adjusted(Adjustment(banned=torch.tensor([0, 3])))
    want = network.logits(tokens, sigma, rows).clone()
    want[:, [0, 3]] = -INFINITE
    cache = TrunkCache()
    assert torch.equal(changed.logits(tokens, sigma, rows), want)
    assert torch.equal(changed.logits(tokens, sigma, rows, cache), want)
    probabilities = changed.log_probs(tokens, sigma, rows).exp()
    assert (probabilities[:, [0, 3]] == 0).all()
    torch.testing.assert_close(probabilities.sum(dim=-1), torch.ones(2))
