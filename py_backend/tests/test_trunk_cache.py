"""A trunk cache spares a masked network its trunk where content agrees, and changes no number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from remdm_backend.errors import BackendError
from remdm_backend.model.backbone import States
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import DiT, Shape
from remdm_backend.model.network import MaskedNetwork
from remdm_backend.model.trunk_cache import TrunkCache

CARD = ModelCard(
    kind="sedd", vocab_size=23, mask_id=22, length=12, time_conditioning=True, hidden_size=32,
    n_blocks=1, n_heads=4, cond_dim=8, parameters=0, weights="raw", name="tiny",
    format="safetensors",
)  # fmt: skip
TOKENS = torch.arange(24).view(2, 12) % 23
SIGMA = torch.tensor([0.5, 2.0])
ROWS = torch.tensor([3, 11, 20])


class Counting(DiT):
    """Counts its trunks, and fails on demand."""

    trunks = 0
    fails = False

    def trunk(self, tokens: Tensor, sigma: Tensor) -> States:
        self.trunks += 1
        if self.fails:
            raise MemoryError
        return super().trunk(tokens, sigma)


@pytest.fixture
def backbone() -> Counting:
    network = Counting(Shape(vocab_size=23, hidden_size=32, n_blocks=1, n_heads=4, cond_dim=8))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def network_of(backbone: Counting, card: ModelCard = CARD) -> MaskedNetwork:
    cpu = torch.device("cpu")
    return MaskedNetwork(card, backbone, device=cpu, dtype=torch.float32, attention="sdpa")


def test_other_rows_and_outputs_of_the_same_question_cost_the_head_alone(
    backbone: Counting,
) -> None:
    network, cache = network_of(backbone), TrunkCache()
    statistics = partial(network.statistics, names=["logMass", "argmax"])
    for method in (network.logits, network.log_probs, statistics):
        for rows in (ROWS, torch.arange(24), torch.tensor([0])):
            expected = method(TOKENS, SIGMA, rows)
            assert torch.equal(method(TOKENS.clone(), SIGMA.clone(), rows, cache), expected)
    assert backbone.trunks == 9 + 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda tokens, sigma: (tokens.clone().fill_(22), sigma),
        lambda tokens, sigma: (tokens, sigma + 1),
        lambda tokens, sigma: (tokens[:1], sigma[:1]),
        lambda tokens, sigma: (tokens[:, :10], sigma),
        lambda tokens, sigma: (tokens.flip(0), sigma),
    ],
    ids=["tokens", "sigma", "batch", "length", "order"],
)
def test_another_question_is_computed_afresh_and_takes_its_place(
    backbone: Counting, changed: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
) -> None:
    network, cache = network_of(backbone), TrunkCache()
    network.logits(TOKENS, SIGMA, ROWS, cache)
    other = changed(TOKENS, SIGMA)
    rows = torch.tensor([2, 9])
    expected = network.logits(*other, rows)
    backbone.trunks = 0
    assert torch.equal(network.logits(*other, rows, cache), expected)
    assert torch.equal(network.logits(*other, rows, cache), expected)
    assert backbone.trunks == 1


def test_sigma_is_no_part_of_the_question_without_time_conditioning(backbone: Counting) -> None:
    network, cache = network_of(backbone, replace(CARD, time_conditioning=False)), TrunkCache()
    network.logits(TOKENS, SIGMA, ROWS, cache)
    network.logits(TOKENS, SIGMA + 1, ROWS, cache)
    assert backbone.trunks == 1


def test_the_askers_tensors_may_change_afterwards(backbone: Counting) -> None:
    network, cache = network_of(backbone), TrunkCache()
    tokens, sigma = TOKENS.clone(), SIGMA.clone()
    network.logits(tokens, sigma, ROWS, cache)
    tokens[0, 0] += 1
    sigma[0] += 1
    assert torch.equal(
        network.logits(tokens, sigma, ROWS, cache), network.logits(tokens, sigma, ROWS)
    )


def test_nothing_is_held_beside_a_trunk_that_is_being_computed(backbone: Counting) -> None:
    network, cache = network_of(backbone), TrunkCache()
    network.logits(TOKENS, SIGMA, ROWS, cache)
    assert cache.nbytes == 4 * (3 * 24 * 32 + 2 * 8)
    backbone.fails = True
    with pytest.raises(BackendError):
        network.logits(TOKENS, SIGMA + 1, ROWS, cache)
    assert cache.nbytes == 0
