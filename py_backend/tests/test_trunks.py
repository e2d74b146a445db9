"""LLaDA, Dream and the A2D models compute what the published code computes."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import DIRECTORY as GOLDEN
from make_trunk import (
    COLUMNS,
    DREAM,
    LENGTH,
    MASK_ID,
    Published,
    everything_seen,
    llada,
    of_library,
    one_before,
    published_llada,
)
from torch import Tensor

from remdm_backend.checkpoint.load import load_network
from remdm_backend.model.network import Network

TOLERANCE = 1e-4
SIGMA = torch.zeros(2)
EVERY_ROW = torch.arange(2 * LENGTH)


def tokens(below: int = COLUMNS) -> Tensor:
    return torch.randint(0, below, (2, LENGTH))


def without_tokenizer(source: Path, out: Path) -> Path:
    """A copy whose tokenizer is unknown, so that no column of its logits is ruled out."""
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("tokenizer.json"))
    return out


def raw_logits(made: Published, directory: Path, x: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
    """Logits ``[2, LENGTH, COLUMNS]`` of all rows, with no column ruled out."""
    made.config.setdefault("mask_token_id", MASK_ID)
    made.write(directory)
    (directory / "tokenizer.json").unlink()
    network = load_network(directory, device="cpu", **options)
    return network.logits(x, SIGMA, EVERY_ROW).view(2, LENGTH, -1)


class TestGolden:
    """The published code, on networks that were trained (test/golden/README.md)."""

    @pytest.fixture(params=["llada", "dream"])
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def asked(self, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """The tokens, the rows, and what the published code says of them."""
        with gzip.open(GOLDEN / "llm" / f"{name}.json.gz") as file:
            forward = json.load(file)["forward"]
        x = torch.tensor(forward["x"])
        rows = torch.arange(len(x))[:, None] * x.shape[1] + torch.tensor(forward["positions"])
        output = np.frombuffer(base64.b64decode(forward["output"]), dtype="<f4").copy()
        return x, rows.flatten(), torch.from_numpy(output).view(rows.numel(), -1)

    def test_the_logits_agree_in_all_columns(self, name: str, tmp_path: Path) -> None:
        x, rows, expected = self.asked(name)
        directory = without_tokenizer(GOLDEN / "llm" / name, tmp_path / name)
        got = load_network(directory, device="cpu").logits(x, SIGMA, rows)
        assert got.shape == (8, 544)
        torch.testing.assert_close(got, expected, rtol=0, atol=TOLERANCE)

    def test_columns_without_a_token_are_ruled_out(self, name: str) -> None:
        x, rows, expected = self.asked(name)
        network = load_network(GOLDEN / "llm" / name, device="cpu")
        got = network.logits(x, SIGMA, rows)
        torch.testing.assert_close(got[:, :517], expected[:, :517], rtol=0, atol=TOLERANCE)
        assert (got[:, 517:] == -torch.inf).all()
        # The mask is a token: its logit is the network's, and it has no probability.
        assert got[:, 516].isfinite().all()
        assert (network.log_probs(x, SIGMA, rows)[:, 516] < -1e5).all()

    def test_bfloat16_is_near(self, name: str) -> None:
        x, rows, expected = self.asked(name)
        network = load_network(GOLDEN / "llm" / name, device="cpu", dtype="bfloat16")
        got = network.logits(x, SIGMA, rows)
        assert got.dtype == torch.bfloat16
        torch.testing.assert_close(got[:, :517].float(), expected[:, :517], rtol=0, atol=0.2)

    def test_its_card(self, name: str) -> None:
        card = load_network(GOLDEN / "llm" / name, device="cpu").card
        assert (card.kind, card.format, card.architecture) == ("mdlm", "huggingface", name)
        assert (card.vocab_size, card.mask_id, card.length) == (544, 516, 96)
        assert (card.hidden_size, card.n_blocks, card.n_heads) == (64, 2, 4)
        assert (card.time_conditioning, card.weights) == (False, "raw")

    def test_neither_transformers_nor_code_of_the_model_is_imported(self, name: str) -> None:
        program = (
            "import sys; from remdm_backend.checkpoint.load import load_network; "
            f"load_network({str(GOLDEN / 'llm' / name)!r}, device='cpu'); "
            "assert not {'transformers', 'huggingface_hub'} & set(sys.modules); "
            "assert not any('modeling' in name for name in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_kv_heads": 2},
        {"n_kv_heads": 1, "rope_theta": 10000.0},
        {"n_kv_heads": None, "rms_norm_eps": 1e-2},
        {"include_qkv_bias": True},
        {"include_bias": True},
        {"weight_tying": True},
        {"vocab_size": 259},
        {"mask_token_id": 5},
    ],
)
def test_llada_agrees_with_its_formulas(tmp_path: Path, changes: dict[str, object]) -> None:
    made, x = llada(**changes), tokens()
    expected = published_llada(made, x)
    torch.testing.assert_close(raw_logits(made, tmp_path, x), expected, rtol=0, atol=TOLERANCE)


def test_llada_without_the_keys_that_have_a_default(tmp_path: Path) -> None:
    made, x = llada(mlp_hidden_size=4 * 32), tokens()
    expected = published_llada(made, x)
    for key in ("n_kv_heads", "mlp_hidden_size", "rms_norm_eps", "embedding_size", "weight_tying",
                "architectures", "rope", "layer_norm_type"):  # fmt: skip
        del made.config[key]
    torch.testing.assert_close(raw_logits(made, tmp_path, x), expected, rtol=0, atol=TOLERANCE)


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("Llama", {}),
        ("Llama", {"attention_bias": True, "mlp_bias": True, "num_key_value_heads": 4}),
        ("Llama", {"rope": {"rope_theta": 5e5, **LLAMA3}, "tie_word_embeddings": True}),
        ("Llama", {"rope": {"rope_theta": 1e4, "rope_type": "linear", "factor": 4.0}}),
        ("Llama", {"head_dim": 12}),
        ("Qwen2", {}),
        ("Qwen2", {"tie_word_embeddings": True, "num_key_value_heads": 1}),
        ("Qwen3", {"head_dim": 16}),
        ("Qwen3", {"head_dim": 8, "attention_bias": True, "tie_word_embeddings": True}),
    ],
)
def test_a2d_is_the_causal_model_without_its_mask(
    tmp_path: Path, family: str, settings: dict[str, Any]
) -> None:
    made, model = of_library(family, **settings)
    x = tokens()
    expected = everything_seen(model, x)
    torch.testing.assert_close(raw_logits(made, tmp_path, x), expected, rtol=0, atol=TOLERANCE)
    with torch.no_grad():
        causal = model(input_ids=x).logits
    assert (expected - causal).abs().max() > 0.1


def test_dream_is_qwen2_whose_rows_are_predicted_by_the_ones_before(tmp_path: Path) -> None:
    made, model = of_library("Qwen2")
    made.config |= {"model_type": "Dream", "architectures": ["DreamModel"]}
    x = tokens()
    expected = one_before(everything_seen(model, x))
    torch.testing.assert_close(raw_logits(made, tmp_path, x), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["llada", "dream"])
def test_rows_in_any_order_and_of_a_cache(name: str) -> None:
    from remdm_backend.model.trunk_cache import TrunkCache

    network = load_network(GOLDEN / "llm" / name, device="cpu")
    x, rows = tokens(517), torch.tensor([30, 3, 24, 23, 3, 0])
    every = network.logits(x, SIGMA, EVERY_ROW)
    cache = TrunkCache()
    for _ in range(2):
        got = network.logits(x, SIGMA, rows, cache)
        torch.testing.assert_close(got, every[rows], rtol=0, atol=1e-5)


def rope_logits(directory: Path, **settings: object) -> Tensor:
    """Logits of one and the same network with these rotary settings in its config."""
    torch.manual_seed(1)
    made, _ = of_library("Qwen2")
    del made.config["rope_parameters"]
    made.config |= settings
    directory.mkdir()
    return raw_logits(made, directory, torch.arange(2 * LENGTH).view(2, LENGTH))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"rope_theta": 1e6, "rope_scaling": None},
            {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}},
        ),
        (
            {"rope_theta": 1e6, "rope_scaling": {"type": "linear", "factor": 2.0}},
            {"rope_parameters": {"rope_theta": 1e6, "rope_type": "linear", "factor": 2.0}},
        ),
        (
            {"rope_theta": 1e6, "rope_scaling": LLAMA3},
            {"rope_parameters": {"rope_theta": 1e6, **LLAMA3}},
        ),
    ],
)
def test_older_and_current_keys_of_rotary_settings(
    tmp_path: Path, old: dict[str, object], new: dict[str, object]
) -> None:
    before, after = rope_logits(tmp_path / "old", **old), rope_logits(tmp_path / "new", **new)
    assert torch.equal(before, after)
    assert not torch.allclose(before, rope_logits(tmp_path / "other", rope_theta=1e4))


def network_of(directory: Path, dtype: Any = "float32") -> Network[Any]:  # noqa: ANN401
    return load_network(directory, device="cpu", dtype=dtype)


def test_the_mask_is_the_config_s_or_else_the_tokenizer_s(tmp_path: Path) -> None:
    made = llada(mask_token_id=7)
    assert network_of(made.write(tmp_path)).card.mask_id == 7
    made.config["mask_token_id"] = None
    assert network_of(made.write(tmp_path)).card.mask_id == MASK_ID


def test_the_types_of_what_stays(tmp_path: Path) -> None:
    made, _ = of_library("Qwen3", head_dim=16, tie_word_embeddings=True)
    made.config["mask_token_id"] = MASK_ID
    network = network_of(made.write(tmp_path), "bfloat16")
    for name, parameter in network.backbone.named_parameters():
        half = parameter.dtype == torch.bfloat16 or torch.equal(
            parameter, parameter.bfloat16().float()
        )
        assert half != ("norm" in name)
    assert network.backbone.output.weight is network.backbone.embedding.weight
    assert network.card.parameters == sum(part.numel() for part in made.tensors.values())


def test_dream_s_config_is_the_golden_one_s() -> None:
    """The tests' config has no key that the recorded one lacks."""
    recorded = json.loads((GOLDEN / "llm" / "dream" / "config.json").read_text())
    assert DREAM.keys() <= recorded.keys()
