"""The network gives the original's numbers, on the rows asked for, with the kernel that can run."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from fake_kernels import fake_causal_kernel, fake_kernel
from golden import Golden, golden_checkpoint
from make_checkpoint import Recipe, checkpoint_dict, save
from torch import Tensor

from remdm_backend.checkpoint import load
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model import attention, linear
from remdm_backend.model import network as network_module
from remdm_backend.model.dit import DiT, Shape
from remdm_backend.model.linear import Linear
from remdm_backend.model.network import Network
from remdm_backend.model.parameterization import NEGATIVE_INFINITY, subs_log_probs
from remdm_backend.model.rotary import Rotary, rotate
from remdm_backend.model.statistics import StatisticName
from remdm_backend.model.top_rows import top_rows


@pytest.mark.parametrize("ema", [True, False], ids=["ema", "raw"])
class TestOriginal:
    @pytest.mark.parametrize("t", [0.5, 0.9])
    @pytest.mark.parametrize("model", ["mdlm", "sedd", "d3pm"])
    def test_masked_models(self, model: str, ema: bool, t: float) -> None:
        Golden(model, ema, t).assert_equal()

    def test_ar(self, ema: bool) -> None:
        Golden("ar", ema, None).assert_equal()


@pytest.fixture
def tiny(tiny_ckpt: Path) -> Network:
    return load_network(tiny_ckpt, device="cpu")


@pytest.fixture
def sedd(tmp_path: Path) -> Network:
    recipe = Recipe(hidden=32, blocks=1, heads=2, vocab=41, length=24, parameterization="sedd")
    path = tmp_path / "sedd.ckpt"
    save(checkpoint_dict(recipe), path)
    return load_network(path, device="cpu")


def inputs(network: Network, batch: int = 3) -> tuple[Tensor, Tensor]:
    tokens = torch.randint(network.card.vocab_size, (batch, network.card.length))
    return tokens, torch.rand(batch) * 3


class TestRows:
    def test_any_rows_in_any_order_are_those_of_all_rows(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        every = tiny.logits(tokens, sigma, torch.arange(tokens.numel()))
        some = torch.tensor([70, 0, 24, 24, 23])
        assert torch.allclose(tiny.logits(tokens, sigma, some), every[some], atol=1e-5)

    def test_no_rows_give_no_rows(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        none = torch.empty(0, dtype=torch.int64)
        assert tiny.logits(tokens, sigma, none).shape == (0, tiny.card.vocab_size)
        assert tiny.log_probs(tokens, sigma, none).shape == (0, tiny.card.vocab_size)

    def test_a_sample_does_not_depend_on_its_batch(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        length = tokens.shape[1]
        together = tiny.logits(tokens, sigma, torch.arange(2 * length, 3 * length))
        alone = tiny.logits(tokens[2:], sigma[2:], torch.arange(length))
        assert torch.allclose(together, alone, atol=1e-5)

    def test_shorter_sequences_are_fine(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        assert tiny.logits(tokens[:, :5], sigma, torch.tensor([14])).shape == (1, 41)

    def test_inputs_stay_as_they_are(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        before = tokens.clone(), sigma.clone()
        tiny.log_probs(tokens, sigma, torch.arange(5))
        assert torch.equal(tokens, before[0])
        assert torch.equal(sigma, before[1])


class TestLastBlock:
    """It is computed on single rows, with the keys and values of all."""

    @pytest.mark.parametrize("conditioned", [True, False])
    def test_gives_what_the_whole_block_gives(self, conditioned: bool) -> None:
        torch.manual_seed(0)
        dit = DiT(Shape(vocab_size=11, hidden_size=32, n_blocks=3, n_heads=4, cond_dim=8))
        for parameter in dit.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        tokens, sigma = torch.randint(11, (3, 7)), torch.rand(3 if conditioned else 1) * 3
        rows = torch.tensor([20, 0, 3, 3, 13, 8])
        with torch.inference_mode():
            x = dit.vocab_embed(tokens)
            c = F.silu(dit.sigma_map(sigma))
            for block in dit.blocks:
                x = block(x, c, dit.rotary_emb(7), dit.attend)
            expected = dit.output_layer(x.flatten(0, 1)[rows], c, rows // 7)
            assert torch.allclose(dit(tokens, sigma, rows), expected, atol=1e-5)


class TestNoiseLevel:
    def test_is_ignored_without_time_conditioning(self, tiny: Network) -> None:
        tokens, sigma = inputs(tiny)
        rows = torch.arange(6)
        assert torch.equal(tiny.logits(tokens, sigma, rows), tiny.logits(tokens, sigma + 1, rows))

    def test_matters_with_time_conditioning(self, sedd: Network) -> None:
        tokens, sigma = inputs(sedd)
        rows = torch.arange(6)
        first, second = (sedd.logits(tokens, s, rows) for s in (sigma, sigma + 1))
        assert (first - second).abs().max() > 1e-3


class TestSubs:
    def test_masked_rows_are_distributions_without_the_mask(self) -> None:
        rows = subs_log_probs(torch.randn(4, 7), torch.full((4,), 6), mask_id=6)
        assert torch.allclose(rows.exp().sum(-1), torch.ones(4))
        assert (rows[:, 6].exp() == 0).all()

    def test_revealed_rows_are_certain(self) -> None:
        rows = subs_log_probs(torch.randn(2, 7), torch.tensor([3, 0]), mask_id=6)
        expected = torch.full((2, 7), NEGATIVE_INFINITY)
        expected[0, 3] = expected[1, 0] = 0.0
        assert torch.equal(rows, expected)


class TestPortions:
    @pytest.mark.parametrize("model", ["mdlm", "sedd", "d3pm", "ar"])
    @pytest.mark.parametrize("most", [1, 3 * 513, 10**9])
    def test_change_nothing(self, monkeypatch: pytest.MonkeyPatch, model: str, most: int) -> None:
        golden = Golden(model, True, None if model == "ar" else 0.5)
        monkeypatch.setattr(network_module, "LOGITS_AT_ONCE", most)
        golden.assert_equal()

    def test_no_more_rows_than_that_are_worked_on(
        self, tiny: Network, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []

        def head(states: tuple[Tensor, ...], rows: Tensor) -> Tensor:
            asked.append(len(rows))
            return torch.zeros(len(rows), tiny.card.vocab_size)

        monkeypatch.setattr(tiny.backbone, "head", head)
        monkeypatch.setattr(network_module, "LOGITS_AT_ONCE", 20 * tiny.card.vocab_size)
        monkeypatch.setattr(network_module, "LOGITS_WITHOUT_COPIES", 30 * tiny.card.vocab_size)
        statistics = partial(tiny.statistics, names=["max"])
        for method, portions in ((tiny.log_probs, [20, 20, 10]), (statistics, [30, 20])):
            asked.clear()
            assert len(method(*inputs(tiny), torch.arange(50))) == 50
            assert asked == portions


class TestTopRows:
    @pytest.mark.parametrize("most", [1, 100, 10**6])
    def test_are_those_of_the_rows(
        self, tiny: Network, monkeypatch: pytest.MonkeyPatch, most: int
    ) -> None:
        monkeypatch.setattr(network_module, "LOGITS_AT_ONCE", most)
        tokens, sigma = inputs(tiny)
        for rows in (torch.arange(50), torch.arange(0)):
            got = tiny.top_rows(tokens, sigma, rows, mass=0.5)
            expected = top_rows(tiny.logits(tokens, sigma, rows), tiny.card.mask_id, 0.5)
            assert torch.equal(got.counts, expected.counts)
            assert torch.equal(got.ids, expected.ids)
            assert torch.allclose(got.logits, expected.logits, atol=1e-5)
            assert torch.allclose(got.rest, expected.rest, rtol=1e-4)


class TestStatistics:
    @pytest.mark.parametrize("most", [1, 100, 10**6])
    def test_are_those_of_the_rows(
        self, sedd: Network, monkeypatch: pytest.MonkeyPatch, most: int
    ) -> None:
        monkeypatch.setattr(network_module, "LOGITS_WITHOUT_COPIES", most)
        tokens, sigma = inputs(sedd)
        rows = torch.arange(50)
        logits = sedd.logits(tokens, sigma, rows)
        others = torch.cat([logits[:, :40], logits[:, 41:]], dim=1).double()
        assert sedd.card.mask_id == 40
        names: list[StatisticName] = ["logMass", "given", "maskLogit"]
        got = sedd.statistics(tokens, sigma, rows, names=names, given=rows % 40)
        assert got.shape == (50, 3)
        mass = others.exp().sum(-1).log()
        assert torch.allclose(got[:, 0].double(), mass, atol=1e-5)
        given = logits[torch.arange(50), rows % 40].double() - mass
        assert torch.allclose(got[:, 1].double(), given, atol=1e-5)
        assert torch.allclose(got[:, 2], logits[:, 40], atol=1e-5)

    def test_no_rows_have_none(self, sedd: Network) -> None:
        none = torch.empty(0, dtype=torch.int64)
        names: list[StatisticName] = ["entropy", "given"]
        got = sedd.statistics(*inputs(sedd), none, names=names, given=none)
        assert got.shape == (0, 2)


@pytest.fixture(params=[True, False], ids=["native", "in float32"])
def native(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the processor is to be taken for one that multiplies bfloat16."""
    monkeypatch.setattr(load, "multiplies_bfloat16", lambda device: request.param)
    return bool(request.param)


class TestBfloat16:
    def test_is_float32_weights_under_autocast(
        self, tiny: Network, tiny_ckpt: Path, native: bool
    ) -> None:
        half = load_network(tiny_ckpt, device="cpu", dtype="bfloat16")
        tokens, sigma = inputs(tiny)
        rows = torch.arange(tokens.numel())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            expected = tiny.logits(tokens, sigma, rows)  # float32 inside: nothing to see
        assert torch.equal(expected, tiny.logits(tokens, sigma, rows))
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
            expected = tiny.backbone(tokens, torch.zeros_like(sigma), rows)
        assert expected.dtype == torch.bfloat16
        got = half.logits(tokens, sigma, rows)
        assert got.dtype == torch.bfloat16
        if native:
            assert torch.equal(got, expected)
        else:  # sums in another order: now and then another last bit, which grows a little
            assert (got != expected).float().mean() < 0.2
            assert torch.allclose(got.float(), expected.float(), rtol=2**-6, atol=2**-6)

    def test_the_top_of_its_rows_is_of_its_own_type(self, tiny_ckpt: Path) -> None:
        half = load_network(tiny_ckpt, device="cpu", dtype="bfloat16")
        tokens, sigma = inputs(half)
        rows = torch.arange(6)
        got = half.top_rows(tokens, sigma, rows, mass=0.5)
        expected = top_rows(half.logits(tokens, sigma, rows), half.card.mask_id, 0.5)
        assert got.logits.dtype == torch.bfloat16
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))

    def test_is_near_float32(self, native: bool) -> None:
        path = golden_checkpoint("mdlm")
        golden = Golden("mdlm", True, 0.5)
        half = load_network(path, device="cpu", dtype="bfloat16")
        rows = half.log_probs(golden.tokens, golden.sigma, golden.rows)
        assert rows.dtype == torch.float32
        probabilities = rows.exp(), golden.output.exp()
        assert (probabilities[0] - probabilities[1]).abs().max() < 0.05
        assert torch.allclose(probabilities[0].sum(-1), torch.ones(len(rows)), atol=1e-5)

    def test_one_layer_is_the_same_in_float32(self) -> None:
        layer = Linear(64, 256)
        layer.requires_grad_(False)
        half = copy.deepcopy(layer).bfloat16()
        layer.load_state_dict(half.state_dict())
        layer.rounds = True
        x = torch.randn(100, 64)
        got, expected = layer(x), half(x.bfloat16())
        assert got.dtype == torch.bfloat16
        # The order of the sums decides the last bit of very few.
        assert (got != expected).float().mean() < 0.01
        assert torch.allclose(got.float(), expected.float(), rtol=2**-7, atol=2**-9)
        assert torch.equal(layer.outputs(x, slice(10, 20)), got[:, 10:20])

    def test_halves_the_linear_layers_and_nothing_else(
        self, tiny_ckpt: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(load, "multiplies_bfloat16", lambda device: True)
        half = load_network(tiny_ckpt, device="cpu", dtype="bfloat16")
        kinds = {name: p.dtype for name, p in half.backbone.named_parameters()}
        assert kinds["blocks.0.attn_qkv.weight"] == torch.bfloat16
        assert kinds["output_layer.linear.bias"] == torch.bfloat16
        for name in ("vocab_embed.embedding", "blocks.0.norm1.weight", "sigma_map.mlp.0.weight"):
            assert kinds[name] == torch.float32


class TestRotary:
    def test_scores_depend_on_distance_only(self) -> None:
        q, k = torch.randn(2, 16)
        qk = torch.stack([q, k]).expand(1, 9, 1, 2, 16).transpose(2, 3).contiguous()
        rotate(qk, Rotary(16)(9))
        queries, keys = qk[0, :, 0, 0], qk[0, :, 1, 0]
        scores = queries @ keys.T
        assert torch.allclose(scores[1:, 1:], scores[:-1, :-1], atol=1e-5)
        assert not torch.allclose(scores[1:, :-1], scores[:-1, 1:], atol=1e-3)

    def test_turns_a_part_in_place_and_leaves_the_rest_alone(self) -> None:
        qkv = torch.randn(1, 5, 3, 2, 8)
        before = qkv.clone()
        rotate(qkv[:, :, :2], Rotary(8)(5))
        assert torch.equal(qkv[:, :, 2], before[:, :, 2])
        cos, sin = Rotary(8)(5)
        first, second = before[:, :, :2].chunk(2, dim=-1)
        expected = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
        assert torch.allclose(qkv[:, :, :2], expected, atol=1e-6)


class TestAttention:
    @pytest.fixture
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tensor]:
        module = types.ModuleType("flash_attn")
        module.flash_attn_varlen_qkvpacked_func = fake_kernel  # type: ignore[attr-defined]  # a fake
        module.flash_attn_func = fake_causal_kernel  # type: ignore[attr-defined]  # a fake
        monkeypatch.setitem(sys.modules, "flash_attn", module)
        return fake_kernel

    @pytest.mark.usefixtures("installed")
    @pytest.mark.parametrize(
        ("device", "dtype", "expected"),
        [
            ("cuda", torch.bfloat16, "flash-attn"),
            ("cuda:1", torch.float16, "flash-attn"),
            ("cuda", torch.float32, "sdpa"),
            ("cpu", torch.bfloat16, "sdpa"),
        ],
    )
    def test_flash_needs_cuda_and_half_precision(
        self, device: str, dtype: torch.dtype, expected: str
    ) -> None:
        for select in (attention.select_attention, attention.select_causal_attention):
            assert select(torch.device(device), dtype)[0] == expected

    def test_sdpa_where_flash_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "flash_attn", None)  # importing it raises ImportError
        selected = attention.select_attention(torch.device("cuda"), torch.bfloat16)
        assert selected == ("sdpa", attention.sdpa)
        causal = attention.select_causal_attention(torch.device("cuda"), torch.bfloat16)
        assert causal == ("sdpa", attention.causal_sdpa)

    @pytest.mark.usefixtures("installed")
    def test_both_compute_the_same(self) -> None:
        _, flash = attention.select_attention(torch.device("cuda"), torch.bfloat16)
        qkv = torch.randn(3, 10, 3, 4, 8)
        assert torch.allclose(flash(qkv), attention.sdpa(qkv), atol=1e-5)

    @pytest.mark.usefixtures("installed")
    @pytest.mark.parametrize(("queries", "known"), [(1, 1), (1, 9), (9, 9), (4, 9)])
    def test_both_compute_the_same_from_left_to_right(self, queries: int, known: int) -> None:
        _, flash = attention.select_causal_attention(torch.device("cuda"), torch.bfloat16)
        q = torch.randn(3, 4, queries, 8)
        k, v = torch.randn(2, 3, 4, known, 8)
        assert torch.allclose(flash(q, k, v), attention.causal_sdpa(q, k, v), atol=1e-5)


class TestMemory:
    def test_a_failed_allocation_is_a_typed_error(
        self, tiny: Network, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> Tensor:
            return torch.empty(1 << 50)

        monkeypatch.setattr(F, "embedding", fail)
        with pytest.raises(BackendError) as caught:
            tiny.logits(*inputs(tiny), torch.arange(2))
        assert caught.value.code == "out_of_memory"
        assert "3 x 24 tokens" in caught.value.message

    def test_other_errors_are_not_disguised(
        self, tiny: Network, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> Tensor:
            raise RuntimeError("a bug")

        monkeypatch.setattr(F, "embedding", fail)
        with pytest.raises(RuntimeError, match="a bug"):
            tiny.logits(*inputs(tiny), torch.arange(2))


class TestMultipliesBfloat16:
    def test_a_build_without_onednn_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As PyTorch's for Apple's processors: there the question itself is an error."""
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        monkeypatch.delattr(torch.ops, "mkldnn", raising=False)
        assert not linear.multiplies_bfloat16(torch.device("cpu"))

    def test_nobody_asks_for_float32(
        self, tiny_ckpt: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(load, "multiplies_bfloat16", None)
        assert load_network(tiny_ckpt, device="cpu").dtype == torch.float32

    def test_a_gpu_does(self) -> None:
        assert linear.multiplies_bfloat16(torch.device("cuda"))
