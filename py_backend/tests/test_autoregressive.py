"""The KV cache changes nothing but the time: with it, without it, and whatever it held before."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from remdm_backend.errors import BackendError
from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.backbone import KeysAndValues
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import Shape
from remdm_backend.model.network import LEAST_ROOM, CausalNetwork
from remdm_backend.model.trunk_cache import TrunkCache

SHAPE = Shape(vocab_size=23, hidden_size=32, n_blocks=2, n_heads=4, cond_dim=0)
LENGTH = 150
CARD = ModelCard(
    kind="ar", vocab_size=23, mask_id=22, length=LENGTH, time_conditioning=False, hidden_size=32,
    n_blocks=2, n_heads=4, cond_dim=0, parameters=0, weights="raw", name="tiny",
    format="safetensors", architecture="ar",
)  # fmt: skip


class Counting(Autoregressive):
    """Remembers how many positions went through it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.computed: list[int] = []
        self.fails = False

    def extend(self, tokens: Tensor, begin: int, known: object) -> Tensor:
        self.computed.append(tokens.shape[1])
        hidden = super().extend(tokens, begin, known)  # type: ignore[arg-type]
        if self.fails:
            raise MemoryError
        return hidden


@pytest.fixture
def network() -> CausalNetwork:
    torch.manual_seed(0)
    backbone = Counting(SHAPE)
    torch.nn.init.normal_(backbone.output_layer.linear.weight)
    cpu = torch.device("cpu")
    return CausalNetwork(CARD, backbone, device=cpu, dtype=torch.float32, attention="sdpa")


def computed(network: CausalNetwork) -> list[int]:
    assert isinstance(network.backbone, Counting)
    return network.backbone.computed


def last_rows(tokens: Tensor) -> Tensor:
    batch, length = tokens.shape
    return (torch.arange(batch) + 1) * length - 1


def ask(network: CausalNetwork, tokens: Tensor, cache: TrunkCache | None = None) -> Tensor:
    """The next token's logits of every sequence."""
    return network.logits(tokens, torch.zeros(len(tokens)), last_rows(tokens), cache)


def random_tokens(batch: int = 3, length: int = LENGTH) -> Tensor:
    return torch.randint(22, (batch, length), generator=torch.Generator().manual_seed(1))


def test_a_position_sees_only_what_came_before(network: CausalNetwork) -> None:
    tokens = random_tokens()
    rows = torch.arange(0, tokens.numel(), LENGTH) + 20
    before = network.logits(tokens, torch.zeros(3), rows)
    tokens[:, 21:] = 0
    assert torch.equal(network.logits(tokens, torch.zeros(3), rows), before)


def test_token_by_token_is_all_at_once(network: CausalNetwork) -> None:
    tokens, cache = random_tokens(), TrunkCache()
    every = network.logits(tokens, torch.zeros(3), torch.arange(tokens.numel())).view(3, LENGTH, -1)
    computed(network).clear()
    for length in range(1, LENGTH + 1):
        got = ask(network, tokens[:, :length], cache)
        assert torch.allclose(got, every[:, length - 1], atol=1e-4)
    assert computed(network) == [1] * LENGTH


def test_greedy_tokens_are_the_same_with_and_without(network: CausalNetwork) -> None:
    def greedy(cache: TrunkCache | None) -> Tensor:
        tokens = torch.zeros(2, 1, dtype=torch.int64)
        for _ in range(100):
            chosen = ask(network, tokens, cache).argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, chosen], dim=1)
        return tokens

    assert torch.equal(greedy(TrunkCache()), greedy(None))


@pytest.mark.parametrize(("change", "expected"), [(0, 50), (30, 20), (49, 1)])
def test_what_differs_is_computed_again(network: CausalNetwork, change: int, expected: int) -> None:
    tokens, cache = random_tokens(length=50), TrunkCache()
    ask(network, tokens, cache)
    tokens[1, change] = (tokens[1, change] + 1) % 22
    computed(network).clear()
    assert torch.allclose(ask(network, tokens, cache), ask(network, tokens), atol=1e-4)
    assert computed(network)[0] == expected


@pytest.mark.parametrize("goes_on", [[0], [2], [0, 2], [1, 2], [3, 5]])
def test_of_a_batch_of_which_some_have_ended_only_what_is_new_is_computed(
    network: CausalNetwork, goes_on: list[int]
) -> None:
    tokens, cache = random_tokens(batch=6, length=50), TrunkCache()
    ask(network, tokens[:, :40], cache)
    computed(network).clear()
    for length in range(41, 51):
        fewer = tokens[goes_on, :length]
        assert torch.allclose(ask(network, fewer, cache), ask(network, fewer), atol=1e-4)
    assert computed(network)[::2] == [1] * 10


@pytest.mark.parametrize("others", [[2, 0], [1, 1]])
def test_a_smaller_batch_of_other_sequences_is_computed_again(
    network: CausalNetwork, others: list[int]
) -> None:
    tokens, cache = random_tokens(length=50), TrunkCache()
    ask(network, tokens[:, :40], cache)
    computed(network).clear()
    assert torch.allclose(ask(network, tokens[others], cache), ask(network, tokens[others]))
    assert computed(network)[0] == 50


def test_earlier_rows_and_shorter_prefixes_are_answered_too(network: CausalNetwork) -> None:
    tokens, cache = random_tokens(length=50), TrunkCache()
    ask(network, tokens, cache)
    rows = torch.tensor([10, 99, 120])
    plain = network.logits(tokens, torch.zeros(3), rows)
    assert torch.allclose(network.logits(tokens, torch.zeros(3), rows, cache), plain, atol=1e-4)
    shorter = tokens[:, :20]
    assert torch.allclose(ask(network, shorter, cache), ask(network, shorter), atol=1e-4)
    assert torch.allclose(ask(network, tokens, cache), ask(network, tokens), atol=1e-4)


def test_another_batch_size_starts_anew(network: CausalNetwork) -> None:
    tokens, cache = random_tokens(length=30), TrunkCache()
    ask(network, tokens, cache)
    assert torch.allclose(ask(network, tokens[:2], cache), ask(network, tokens[:2]), atol=1e-4)


def test_a_failure_half_way_leaves_no_wrong_prefix(network: CausalNetwork) -> None:
    tokens, cache = random_tokens(length=30), TrunkCache()
    ask(network, tokens, cache)
    other = tokens.clone()
    other[:, 10:] = 0
    assert isinstance(network.backbone, Counting)
    network.backbone.fails = True
    with pytest.raises(BackendError):
        ask(network, other, cache)
    network.backbone.fails = False
    assert torch.allclose(ask(network, tokens, cache), ask(network, tokens), atol=1e-4)


def test_a_failure_to_grow_leaves_no_cache(
    network: CausalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, cache = random_tokens(), TrunkCache()
    ask(network, tokens[:, :LEAST_ROOM], cache)
    with monkeypatch.context() as patched:
        patched.setattr(KeysAndValues, "grow", half_grown)
        with pytest.raises(BackendError):
            ask(network, tokens, cache)
    assert cache.nbytes == 0
    assert torch.allclose(ask(network, tokens, cache), ask(network, tokens), atol=1e-4)


def half_grown(known: KeysAndValues, room: int, used: int) -> None:
    known.blocks[0] = known.blocks[0].new_empty(*known.blocks[0].shape[:3], room, 8)
    raise MemoryError


def test_what_follows_the_last_row_is_not_computed(network: CausalNetwork) -> None:
    tokens, cache = random_tokens(length=50), TrunkCache()
    network.logits(tokens, torch.zeros(3), torch.tensor([7, 50 + 10]), cache)
    network.logits(tokens, torch.zeros(3), torch.tensor([100 + 30]), cache)
    assert computed(network) == [11, 20]


def test_statistics_are_those_of_the_rows(network: CausalNetwork) -> None:
    tokens = random_tokens(length=9)
    logits = ask(network, tokens)
    sigma = torch.zeros(3)
    masses = network.statistics(tokens, sigma, last_rows(tokens), names=["logMass"])
    assert torch.allclose(masses[:, 0], logits[:, :22].logsumexp(-1), atol=1e-5)


def test_it_runs_in_bfloat16(network: CausalNetwork) -> None:
    half = CausalNetwork(
        replace(CARD, name="half"),
        Counting(SHAPE).to(torch.float32),
        device=torch.device("cpu"),
        dtype=torch.bfloat16,
        attention="sdpa",
    )
    half.backbone.load_state_dict(network.backbone.state_dict())
    tokens, cache = random_tokens(length=20), TrunkCache()
    for length in (10, 11, 20):
        got = ask(half, tokens[:, :length], cache)
        assert (got - ask(network, tokens[:, :length])).abs().max() < 0.5
