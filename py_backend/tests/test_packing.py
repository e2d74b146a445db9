"""Sequences of different lengths in one forward: each gets what it gets alone, and no position is
computed that nobody has."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from fake_kernels import fake_kernel
from golden import Golden, golden_checkpoint
from make_checkpoint import Recipe, checkpoint_dict, save
from torch import Tensor, nn

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model import attention
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import DiT, Shape
from remdm_backend.model.masked_lm import MaskedLm
from remdm_backend.model.network import MaskedNetwork, Network
from remdm_backend.model.packing import Packed
from remdm_backend.model.statistics import StatisticName
from remdm_backend.model.trunk_cache import TrunkCache

LENGTHS = (1, 7, 24, 7, 7, 1, 13)
VOCABULARY = 41
CARD = ModelCard(
    kind="mdlm", vocab_size=VOCABULARY, mask_id=40, length=24, time_conditioning=False,
    hidden_size=32, n_blocks=1, n_heads=4, cond_dim=8, parameters=0, weights="raw", name="tiny",
    format="safetensors",
)  # fmt: skip


@pytest.fixture(params=["subs", "sedd", "d3pm"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Network[nn.Module]:
    return of_kind(request.param, tmp_path)


@pytest.fixture
def sedd(tmp_path: Path) -> Network[nn.Module]:
    return of_kind("sedd", tmp_path)


def of_kind(parameterization: str, directory: Path, *, half: bool = False) -> Network[nn.Module]:
    recipe = Recipe(
        hidden=32, blocks=3, heads=4, vocab=VOCABULARY, length=24, parameterization=parameterization
    )
    path = directory / "network.ckpt"
    save(checkpoint_dict(recipe), path)
    return load_network(path, device="cpu", dtype="bfloat16" if half else "float32")


class Mix:
    """Sequences of ``lengths``, and rows of them in any order, some twice, of some none."""

    def __init__(self, lengths: tuple[int, ...] = LENGTHS) -> None:
        self.sequences = [torch.randint(VOCABULARY, (length,)) for length in lengths]
        self.packed = Packed(torch.cat(self.sequences), lengths)
        self.sigma = torch.rand(len(lengths)) * 3
        rows = torch.randperm(sum(lengths))
        self.rows = torch.cat([rows[: 2 * len(rows) // 3], rows[:3]])

    def alone(self, ask: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """What each sequence gives by itself, in the order of the rows."""
        answer: dict[int, Tensor] = {}
        before = 0
        for tokens, sigma in zip(self.sequences, self.sigma, strict=True):
            values = ask(tokens[None], sigma[None], torch.arange(len(tokens)))
            answer.update(enumerate(values, start=before))
            before += len(tokens)
        return torch.stack([answer[row] for row in self.rows.tolist()])


@pytest.mark.parametrize("output", ["logits", "log_probs"])
@pytest.mark.parametrize("lengths", [LENGTHS, (24, 24, 5), (5,), (3, 3), (1, 2)], ids=str)
def test_each_sequence_gets_what_it_gets_alone(
    network: Network[nn.Module], output: str, lengths: tuple[int, ...]
) -> None:
    mix, ask = Mix(lengths), getattr(network, output)
    together = ask(mix.packed, mix.sigma, mix.rows)
    torch.testing.assert_close(together, mix.alone(ask), atol=1e-5, rtol=1e-5)


def test_also_of_statistics(network: Network[nn.Module]) -> None:
    mix, names = Mix(), get_args(StatisticName)[:-1]
    together = network.statistics(mix.packed, mix.sigma, mix.rows, names=names)
    alone = mix.alone(partial(network.statistics, names=names))
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_also_of_top_rows(network: Network[nn.Module]) -> None:
    mix = Mix()
    together = network.top_rows(mix.packed, mix.sigma, mix.rows, mass=0.6)
    counts = mix.alone(lambda *call: network.top_rows(*call, mass=0.6).counts)
    rest = mix.alone(lambda *call: network.top_rows(*call, mass=0.6).rest)
    assert torch.equal(together.counts, counts)
    torch.testing.assert_close(together.rest, rest, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", ["mdlm", "sedd", "d3pm"])
def test_the_original_is_met_in_a_mix(model: str) -> None:
    golden = Golden(model, True, 0.5)
    batch, length = golden.tokens.shape
    shorter = [torch.arange(1 + 5 * number) for number in range(batch)]
    packed = Packed(
        torch.cat([part for pair in zip(shorter, golden.tokens, strict=True) for part in pair]),
        [size for other in shorter for size in (len(other), length)],
    )
    sigma = torch.stack([golden.sigma + 1, golden.sigma], dim=1).flatten()
    before = torch.tensor([len(other) for other in shorter]).cumsum(0)
    rows = golden.rows + before[golden.rows // length]
    golden.assert_output(golden.network.log_probs(packed, sigma, rows))


def test_noise_levels_and_tokens_are_each_sequences_own(sedd: Network[nn.Module]) -> None:
    mix = Mix()
    third = torch.arange(8, 32)
    every = torch.arange(sum(LENGTHS))
    before = sedd.logits(mix.packed, mix.sigma, every)
    mix.sigma[2] += 1
    mix.packed.tokens[20] = (mix.packed.tokens[20] + 1) % VOCABULARY
    changed = (sedd.logits(mix.packed, mix.sigma, every) - before).abs().amax(-1) > 1e-4
    assert changed.nonzero().squeeze(-1).tolist() == third.tolist()


def test_bfloat16_stays_what_it_is_alone(tmp_path: Path) -> None:
    half, mix = of_kind("sedd", tmp_path, half=True), Mix()
    together = half.logits(mix.packed, mix.sigma, mix.rows)
    assert together.dtype == torch.bfloat16
    alone = mix.alone(half.logits)
    # Sums in another order: now and then another last bit, which grows a little.
    torch.testing.assert_close(together, alone, atol=2**-6, rtol=2**-6)


class Layers:
    """A network of our own, and how many tokens its MLPs were given."""

    def __init__(self, attend: attention.Attention = attention.sdpa) -> None:
        shape = Shape(vocab_size=VOCABULARY, hidden_size=32, n_blocks=3, n_heads=4, cond_dim=8)
        self.dit = DiT(shape, attend).requires_grad_(False)
        for parameter in self.dit.parameters():
            nn.init.normal_(parameter, std=0.2)
        self.tokens: list[int] = []
        for block in self.dit.blocks:
            block.mlp.register_forward_hook(self._count)

    def _count(self, mlp: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        self.tokens.append(inputs[0].shape[:-1].numel())


def test_nothing_is_computed_but_the_tokens_that_are_there() -> None:
    layers, mix = Layers(), Mix()
    layers.dit(mix.packed, mix.sigma, mix.rows)
    assert layers.tokens == [60, 60, len(mix.rows)]


def test_neighbours_of_one_length_share_one_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, int]] = []

    def watched(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        shapes.append((q.shape[0], q.shape[2]))
        return plain(q, k, v)

    plain = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    qkv = torch.randn(60, 3, 4, 8)
    assert attention.sdpa(qkv, Packed(torch.zeros(60), LENGTHS)).shape == (60, 32)
    assert shapes == [(1, 1), (1, 7), (1, 24), (2, 7), (1, 1), (1, 13)]


class TestFlashAttention:
    """By its contract: nothing here has run on a GPU."""

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], int]]:
        """Where the sequences ended and how long the longest was, of each call of the kernel."""
        calls: list[tuple[list[int], int]] = []

        def kernel(qkv: Tensor, ends: Tensor, longest: int, *more: float, causal: bool) -> Tensor:
            calls.append((ends.tolist(), longest))
            return fake_kernel(qkv, ends, longest, *more, causal=causal)

        module = types.ModuleType("flash_attn")
        module.flash_attn_varlen_qkvpacked_func = kernel  # type: ignore[attr-defined]  # a fake
        monkeypatch.setitem(sys.modules, "flash_attn", module)
        return calls

    def test_one_call_a_block_has_all_lengths(self, calls: list[tuple[list[int], int]]) -> None:
        name, flash = attention.select_attention(torch.device("cuda"), torch.bfloat16)
        assert name == "flash-attn"
        layers, mix = Layers(), Mix()
        expected = layers.dit(mix.packed, mix.sigma, mix.rows)
        layers.dit.attend = flash
        got = layers.dit(mix.packed, mix.sigma, mix.rows)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
        assert calls == [([0, 1, 8, 32, 39, 46, 47, 60], 24)] * 2  # the last block: rows alone

    def test_equal_lengths_are_one_call_as_well(self, calls: list[tuple[list[int], int]]) -> None:
        _, flash = attention.select_attention(torch.device("cuda"), torch.bfloat16)
        flash(torch.randn(3, 10, 3, 4, 8))
        assert calls == [([0, 10, 20, 30], 10)]


def test_a_cache_is_left_alone(sedd: Network[nn.Module]) -> None:
    mix, cache = Mix(), TrunkCache()
    tokens = torch.randint(VOCABULARY, (2, 5))
    sedd.logits(tokens, mix.sigma[:2], torch.arange(3), cache)
    kept = cache.states(tokens, mix.sigma[:2])
    got = sedd.logits(mix.packed, mix.sigma, mix.rows, cache)
    assert torch.equal(got, sedd.logits(mix.packed, mix.sigma, mix.rows))
    assert kept is not None
    assert cache.states(tokens, mix.sigma[:2]) is kept


def test_no_rows_are_no_work(network: Network[nn.Module]) -> None:
    mix = Mix()
    none = torch.empty(0, dtype=torch.int64)
    assert network.log_probs(mix.packed, mix.sigma, none).shape == (0, VOCABULARY)


def test_what_does_not_fit_the_memory_is_told_in_tokens(
    network: Network[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Tensor:
        raise MemoryError

    mix = Mix()
    monkeypatch.setattr(F, "embedding", fail)
    with pytest.raises(BackendError, match="of 60 tokens and 43 rows"):
        network.logits(mix.packed, mix.sigma, mix.rows)


class TestWhoMixes:
    def test_a_model_of_transformers_does_not(self) -> None:
        network = MaskedNetwork(
            CARD,
            MaskedLm(nn.Identity(), None),
            device=torch.device("cpu"),
            dtype=torch.float32,
            attention="sdpa",
        )
        assert not network.mixes_lengths
        mix = Mix()
        with pytest.raises(ValueError, match="one length"):
            network.logits(mix.packed, mix.sigma, mix.rows)

    def test_our_bidirectional_networks_do(self, network: Network[nn.Module]) -> None:
        assert network.mixes_lengths

    def test_an_autoregressive_one_does_not(self) -> None:
        network = load_network(golden_checkpoint("ar"), device="cpu")
        assert not network.mixes_lengths
        mix = Mix()
        with pytest.raises(ValueError, match="one length"):
            network.logits(mix.packed, mix.sigma, mix.rows)
