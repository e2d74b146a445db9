"""A BD3-LM directory loads in every layout that is published, without its code; one that lies or is
of another kind is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_bd3lm import BLOCK, CHECKPOINT, CONTEXT, MASK, VOCAB, changed
from safetensors.torch import load_file, save_file
from torch import Tensor

from remdm_backend.checkpoint.convert import convert
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.card import LONGEST_TEXT
from remdm_backend.model.trunk_cache import TrunkCache

WEIGHTS = "model.safetensors"
X = torch.arange(CONTEXT).view(1, CONTEXT)


def logits(path: Path, **options: Any) -> Tensor:  # noqa: ANN401
    network = load_network(path, device="cpu", **options)
    return network.logits(X, torch.zeros(1), torch.arange(CONTEXT))


def refusal(path: Path, **options: Any) -> BackendError:  # noqa: ANN401
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu", **options)
    assert caught.value.remedy
    return caught.value


def rewritten(directory: Path, tensors: dict[str, Tensor]) -> Path:
    save_file(tensors, directory / WEIGHTS)
    return directory


def test_the_card_says_what_the_config_says() -> None:
    card = load_network(CHECKPOINT, device="cpu").card
    assert (card.kind, card.architecture, card.weights) == ("mdlm", "bd3lm", "ema")
    assert (card.vocab_size, card.mask_id) == (VOCAB, MASK)
    assert (card.block_length, card.length, card.longest) == (BLOCK, CONTEXT, LONGEST_TEXT)
    assert not card.time_conditioning


class TestLayouts:
    def test_pickled_weights_are_read_as_data(self, tmp_path: Path) -> None:
        directory = changed(tmp_path / "pickled")
        tensors = load_file(directory / WEIGHTS)
        (directory / WEIGHTS).unlink()
        torch.save(tensors, directory / "pytorch_model.bin")
        assert torch.equal(logits(directory), logits(CHECKPOINT))

    def test_prefixes_and_other_types(self, tmp_path: Path) -> None:
        directory = changed(tmp_path / "half")
        tensors = load_file(directory / WEIGHTS)
        rounded = {name: part.to(torch.float16) for name, part in tensors.items()}
        widened = {name: part.float() for name, part in rounded.items()}
        named = {f"module.{name}": part for name, part in rounded.items()}
        ours = logits(rewritten(directory, named))
        assert torch.equal(ours, logits(rewritten(directory, widened)))

    def test_missing_settings_have_the_defaults_of_the_published_class(
        self, tmp_path: Path
    ) -> None:
        directory = changed(tmp_path / "short", adaln=None, cross_attn=None, causal=None,
                            time_conditioning=None, architectures=None)  # fmt: skip
        assert torch.equal(logits(directory), logits(CHECKPOINT))

    def test_without_adaln(self, tmp_path: Path) -> None:
        """As zeros in it, and open gates."""
        directory = changed(tmp_path / "plain", adaln=False)
        tensors = load_file(directory / WEIGHTS)
        plain = {name: part for name, part in tensors.items()
                 if "adaLN" not in name and "sigma_map" not in name}  # fmt: skip
        hidden = tensors["backbone.vocab_embed.embedding"].shape[1]
        for name, part in tensors.items():
            if "adaLN" in name:
                part.zero_()
            if "adaLN" in name and name.endswith("bias") and "blocks" in name:
                part.view(6, hidden)[[2, 5]] = 1
        gated = changed(tmp_path / "gated")
        rewritten(directory, plain)
        rewritten(gated, tensors)
        torch.testing.assert_close(logits(directory), logits(gated), rtol=0, atol=1e-6)
        counts = [load_network(path, device="cpu").card.parameters for path in (directory, gated)]
        assert counts[0] < counts[1]

    def test_one_block_is_a_network_that_sees_everything(self, tmp_path: Path) -> None:
        """As the model of block size 1,024 that the others were trained from."""
        network = load_network(changed(tmp_path / "whole", block_size=CONTEXT), device="cpu")
        other = X.clone()
        other[0, -1] = MASK
        rows, sigma = torch.tensor([0]), torch.zeros(1)
        before = network.logits(X, sigma, rows, TrunkCache())
        assert not torch.allclose(network.logits(other, sigma, rows), before)

    def test_code_beside_it_is_not_run(self, tmp_path: Path) -> None:
        directory = changed(tmp_path / "code")
        (directory / "modeling_bd3lm.py").write_text("raise SystemExit('it was executed')\n")
        assert torch.equal(logits(directory), logits(CHECKPOINT))


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"time_conditioning": True}, "time_conditioning is True"),
            ({"cross_attn": False}, "cross_attn is False"),
            ({"causal": True}, "causal is True"),
            ({"architectures": ["BD3LMForClass"]}, "remdm runs BD3LM"),
        ],
    )
    def test_what_is_not_built(
        self, tmp_path: Path, settings: dict[str, object], said: str
    ) -> None:
        error = refusal(changed(tmp_path / "a", **settings))
        assert error.code == "checkpoint_unsupported"
        assert said in error.message

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"block_size": 5}, "block_size is 5, which does not divide 32"),
            ({"block_size": 0}, "block_size is 0; it must be an integer"),
            ({"block_size": None}, "block_size is missing"),
            ({"block_size": "4"}, "block_size is '4'"),
            ({"block_size": 64}, "block_size is 64, which does not divide 32"),
            ({"model_length": 1 << 30}, "model_length is 1073741824"),
            ({"n_blocks": 3}, "3 blocks and adaln, its tensors hidden_dim 32, 2 blocks"),
            ({"hidden_dim": 64}, "hidden_dim 64"),
            ({"adaln": False}, "no adaln"),
            ({"adaln": 1}, "adaln is 1; it must be true or false"),
            ({"n_heads": 3}, "3 heads"),
            ({"n_heads": 10**6}, "n_heads is 1000000"),
            ({"vocab_size": 512}, "vocab_size 512, its tensors 513"),
        ],
    )
    def test_a_config_that_lies(
        self, tmp_path: Path, settings: dict[str, object], said: str
    ) -> None:
        error = refusal(changed(tmp_path / "a", **settings))
        assert error.code == "checkpoint_invalid"
        assert said in error.message

    def test_tensors_that_are_missing_too_many_or_of_another_shape(self, tmp_path: Path) -> None:
        directory = changed(tmp_path / "a")
        whole = load_file(directory / WEIGHTS)
        out = "backbone.blocks.1.attn_out.weight"
        for tensors, said in (
            ({name: part for name, part in whole.items() if name != out}, "1 tensors are missing"),
            ({**whole, "backbone.blocks.1.attn_k.weight": torch.zeros(2)}, "do not belong"),
            ({**whole, out: torch.zeros(2, 2)}, "has the shape (2, 2)"),
            ({**whole, out: torch.full_like(whole[out], torch.nan)}, "not finite"),
            ({**whole, "backbone.rotary_emb.inv_freq": torch.ones(4)}, "other frequencies"),
        ):
            error = refusal(rewritten(directory, tensors))
            assert error.code == "checkpoint_invalid"
            assert said in error.message

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
    def test_a_truncated_file(self, tmp_path: Path, share: float) -> None:
        directory = changed(tmp_path / "a")
        whole = (directory / WEIGHTS).read_bytes()
        (directory / WEIGHTS).write_bytes(whole[: int(len(whole) * share)])
        assert refusal(directory).code == "checkpoint_invalid"

    def test_raw_weights_and_conversion(self, tmp_path: Path) -> None:
        assert refusal(CHECKPOINT, raw_weights=True).code == "checkpoint_unsupported"
        with pytest.raises(BackendError, match="whose blocks no card"):
            convert(CHECKPOINT, tmp_path / "out")

    def test_an_index_that_leaves_the_directory(self, tmp_path: Path) -> None:
        directory = changed(tmp_path / "a")
        shutil.move(directory / WEIGHTS, tmp_path / WEIGHTS)
        index = directory / "model.safetensors.index.json"
        weight_map = {"backbone.vocab_embed.embedding": f"../{WEIGHTS}"}
        index.write_text(json.dumps({"weight_map": weight_map}))
        assert "not a .safetensors file beside it" in refusal(directory).message
