"""Masked language models in the format of Hugging Face load and say what the library says; what
asks for more than reading is refused."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import make_huggingface
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from remdm_backend.checkpoint import transformers_library
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.masked_lm import MaskedLm, split
from remdm_backend.model.network import MaskedNetwork

transformers.utils.logging.disable_progress_bar()
REQUIREMENTS = Path(__file__).resolve().parents[1]


def made(directory: Path, kind: str = "bert", **changes: object) -> transformers.PreTrainedModel:
    """A model, saved in ``directory``."""
    model = make_huggingface.MAKERS[kind](directory, **changes).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases begin at 0, and would hide a lost one
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(directory)
    return model


def load(path: Path, dtype: Literal["float32", "bfloat16"] = "float32") -> MaskedNetwork:
    network = load_network(path, device="cpu", dtype=dtype)
    assert isinstance(network, MaskedNetwork)
    return network


def backbone_of(network: MaskedNetwork) -> MaskedLm:
    assert isinstance(network._backbone, MaskedLm)
    return network._backbone


def refusal(path: Path) -> BackendError:
    """The error that loading raises; it always names the file and always says what to do."""
    with pytest.raises(BackendError) as caught:
        load(path)
    assert path.name in caught.value.message
    assert caught.value.remedy
    return caught.value


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def own_logits(model: torch.nn.Module, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(input_ids=tokens).logits
    return logits


KINDS = ["bert", "roberta", "llada-style"]


class TestLogits:
    @pytest.mark.parametrize("kind", KINDS)
    def test_rows_are_those_of_the_model_itself(self, tmp_path: Path, kind: str) -> None:
        model = made(tmp_path, kind)
        network = load(tmp_path)
        card = network.card
        tokens = torch.randint(4, 20, (3, card.length))
        rows = torch.tensor([card.length * 2 + 5, 0, 7, 0, card.length])
        expected = own_logits(model, tokens).flatten(0, 1)[rows]
        got = network.logits(tokens, torch.zeros(3), rows)
        assert got.shape == (5, card.vocab_size) == expected.shape
        drawable = got.isfinite()
        torch.testing.assert_close(got[drawable], expected[drawable], rtol=1e-5, atol=1e-5)
        assert backbone_of(network).projection is not None, "the head was not cut off"

    @pytest.mark.parametrize("kind", KINDS)
    def test_cards(self, tmp_path: Path, kind: str) -> None:
        model = made(tmp_path, kind)
        card = load(tmp_path).card
        assert (card.kind, card.architecture, card.format) == ("mdlm", "huggingface", "huggingface")
        assert (card.weights, card.time_conditioning, card.name) == ("raw", False, tmp_path.name)
        assert (card.hidden_size, card.n_blocks, card.n_heads) == (32, 2, 2)
        assert card.parameters == sum(part.numel() for part in model.parameters())
        assert card.length == make_huggingface.LENGTH
        masks = {"bert": 4, "roberta": 4, "llada-style": 2}
        assert card.mask_id == masks[kind] != card.vocab_size - 1

    def test_subs_leaves_out_the_mask_and_carries_over(self, tmp_path: Path) -> None:
        made(tmp_path, "llada-style")
        network = load(tmp_path)
        mask, size = network.card.mask_id, network.card.vocab_size
        tokens = torch.tensor([[mask, 9, mask, 30]])
        log_probs = network.log_probs(tokens, torch.zeros(1), torch.arange(4))
        torch.testing.assert_close(log_probs[::2].exp().sum(-1), torch.ones(2))
        assert (log_probs[::2, mask].exp() == 0).all()
        for row, token in ((1, 9), (3, 30)):
            assert log_probs[row].argmax() == token
            assert log_probs[row, token] == 0
        assert log_probs.shape == (4, size)

    def test_bfloat16_is_the_model_in_bfloat16(self, tmp_path: Path) -> None:
        model = made(tmp_path).bfloat16()
        network = load(tmp_path, dtype="bfloat16")
        assert {part.dtype for part in backbone_of(network).parameters()} == {torch.bfloat16}
        tokens = torch.randint(5, 20, (2, 16))
        expected = own_logits(model, tokens).flatten(0, 1).float()
        got = network.logits(tokens, torch.zeros(2), torch.arange(32))
        assert torch.equal(got, expected)

    @pytest.mark.parametrize("family", ["roberta", "ibert"])
    def test_the_last_position_has_an_embedding(self, tmp_path: Path, family: str) -> None:
        """RoBERTa's positions begin at 2, so the table holds two more than the longest text."""
        config = made(tmp_path, "roberta").config.to_dict() | {"model_type": family}
        config = transformers.AutoConfig.for_model(**config)
        transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path)
        network = load(tmp_path)
        assert network.card.length == make_huggingface.LENGTH
        tokens = torch.full((1, network.card.length), 10)
        rows = torch.tensor([network.card.length - 1])
        assert network.logits(tokens, torch.zeros(1), rows).isfinite().any()

    def test_nothing_is_mapped_or_kept(self, tmp_path: Path) -> None:
        made(tmp_path)
        network = load(tmp_path)
        arguments = torch.full((1, 8), 4), torch.zeros(1), torch.arange(8)
        before = network.logits(*arguments)
        (tmp_path / "model.safetensors").write_bytes(b"")
        assert torch.equal(network.logits(*arguments), before)

    def test_the_file_itself_may_be_given(self, tmp_path: Path) -> None:
        made(tmp_path)
        assert load(tmp_path / "model.safetensors").card.name == "model.safetensors"


class TestSplit:
    """The projection is cut off only where that changes no bit."""

    class Toy(torch.nn.Module):
        def __init__(self, after: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(11, 6)
            self.out = torch.nn.Linear(6, 11)
            self.after = after

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
            assert attention_mask.all()
            logits = self.after(self.out(self.embed(input_ids)))
            return SimpleNamespace(logits=logits)

    def test_a_plain_head(self) -> None:
        model = self.Toy(lambda logits: logits)
        projection = model.out
        assert split(model, projection, torch.arange(4).view(1, 4)) is projection
        assert isinstance(model.out, torch.nn.Identity)

    @pytest.mark.parametrize(
        "after",
        [
            lambda logits: 30 * torch.tanh(logits / 30),
            lambda logits: logits + torch.arange(11.0),
            lambda logits: logits.log_softmax(-1),
        ],
    )
    def test_a_head_that_goes_on(self, after: Callable[[Tensor], Tensor]) -> None:
        model = self.Toy(after)
        projection, tokens = model.out, torch.arange(4).view(1, 4)
        before = model(tokens, torch.ones(1, 4)).logits
        assert split(model, projection, tokens) is None
        assert model.out is projection
        backbone = MaskedLm(model, None)
        rows = torch.tensor([3, 1])
        got = backbone.head(backbone.trunk(tokens, torch.zeros(1)), rows)
        assert torch.equal(got, before[0, rows])

    @pytest.mark.parametrize("projection", [None, torch.nn.Linear(6, 11), "out"])
    def test_no_such_layer(self, projection: object) -> None:
        model = self.Toy(lambda logits: logits)
        assert split(model, projection, torch.arange(4).view(1, 4)) is None

    def test_a_model_with_a_bias_of_its_own_after_it(self, tmp_path: Path) -> None:
        """ESM adds the bias outside of the layer."""
        config = transformers.EsmConfig(
            vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=32, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, max_position_embeddings=26,
            position_embedding_type="absolute", token_dropout=False,
        )  # fmt: skip
        model = transformers.EsmForMaskedLM(config).eval()
        torch.nn.init.normal_(model.lm_head.bias)
        model.save_pretrained(tmp_path)
        network = load(tmp_path)
        assert backbone_of(network).projection is None
        assert (network.card.length, network.card.mask_id) == (24, 32)
        tokens, rows = torch.randint(4, 30, (2, 24)), torch.tensor([30, 2])
        expected = own_logits(model, tokens).flatten(0, 1)[rows]
        torch.testing.assert_close(network.logits(tokens, torch.zeros(2), rows), expected)


class TestVocabulary:
    def test_columns_beyond_the_tokenizer_are_never_drawn(self, tmp_path: Path) -> None:
        made(tmp_path, vocab_size=64)
        network = load(tmp_path)
        known = len(json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"])
        logits = network.logits(torch.full((1, 4), 4), torch.zeros(1), torch.arange(4))
        assert network.card.vocab_size == 64
        assert (logits[:, known:] == -torch.inf).all()
        assert logits[:, :known].isfinite().all()

    def test_a_hole_in_the_vocabulary(self, tmp_path: Path) -> None:
        made(tmp_path)
        path = tmp_path / "tokenizer.json"
        tokenizer = json.loads(path.read_text())
        hole = tokenizer["model"]["vocab"].pop("cat")
        path.write_text(json.dumps(tokenizer))
        logits = load(tmp_path).logits(torch.full((1, 4), 4), torch.zeros(1), torch.arange(4))
        assert set((logits == -torch.inf).nonzero()[:, 1].tolist()) == {hole}

    def test_a_unigram_vocabulary_is_a_list(self, tmp_path: Path) -> None:
        made(tmp_path, vocab_size=64)
        path = tmp_path / "tokenizer.json"
        tokenizer = json.loads(path.read_text())
        tokens = list(tokenizer["model"]["vocab"])
        tokenizer["model"] = {"type": "Unigram", "vocab": [[token, -1.0] for token in tokens]}
        path.write_text(json.dumps(tokenizer))
        network = load(tmp_path)
        logits = network.logits(torch.full((1, 4), 4), torch.zeros(1), torch.arange(4))
        assert network.card.mask_id == 4
        assert int(logits[0].isfinite().sum()) == len(tokens)

    def test_the_files_that_stand_for_a_tokenizer(self, tmp_path: Path) -> None:
        made(tmp_path, vocab_size=64)
        vocab = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]
        (tmp_path / "tokenizer.json").unlink()
        added = {token: vocab.pop(token) for token in ("cat", "dog")}
        (tmp_path / "vocab.json").write_text(json.dumps(vocab))
        (tmp_path / "added_tokens.json").write_text(json.dumps({"cat": added["cat"]}))
        decoder = {str(added["dog"]): {"content": "dog"}, "60": {"content": "<late>"}}
        change(tmp_path / "tokenizer_config.json", mask_token="dog", added_tokens_decoder=decoder)
        network = load(tmp_path)
        logits = network.logits(torch.full((1, 4), 4), torch.zeros(1), torch.arange(4))
        assert network.card.mask_id == added["dog"]
        known = {*vocab.values(), *added.values(), 60}
        assert set(logits[0].isfinite().nonzero()[:, 0].tolist()) == known

    @pytest.mark.parametrize("vocab", [{"a": -1}, {"a": "0"}, {"a": None}, [], {"a": True}])
    def test_a_hostile_vocabulary(self, tmp_path: Path, vocab: object) -> None:
        made(tmp_path)
        (tmp_path / "tokenizer.json").unlink()
        (tmp_path / "vocab.json").write_text(json.dumps(vocab))
        assert refusal(tmp_path / "vocab.json").code == "checkpoint_invalid"

    def test_without_a_tokenizer_every_column_is_one(self, tmp_path: Path) -> None:
        made(tmp_path, vocab_size=64)
        (tmp_path / "tokenizer.json").unlink()
        change(tmp_path / "config.json", mask_token_id=7)
        network = load(tmp_path)
        logits = network.logits(torch.full((1, 4), 4), torch.zeros(1), torch.arange(4))
        assert network.card.mask_id == 7
        assert logits.isfinite().all()

    def test_the_mask_may_be_named_in_special_tokens_map(self, tmp_path: Path) -> None:
        made(tmp_path)
        (tmp_path / "tokenizer_config.json").unlink()
        (tmp_path / "special_tokens_map.json").write_text(json.dumps({"mask_token": "dog"}))
        vocab = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]
        assert load(tmp_path).card.mask_id == vocab["dog"]

    def test_no_mask_token(self, tmp_path: Path) -> None:
        made(tmp_path)
        (tmp_path / "tokenizer_config.json").write_text("{}")
        error = refusal(tmp_path)
        assert "no mask token is known" in error.message
        assert "mask_token_id" in error.remedy

    def test_a_mask_token_without_an_id(self, tmp_path: Path) -> None:
        made(tmp_path)
        change(tmp_path / "tokenizer_config.json", mask_token="<none>")
        assert "'<none>'" in refusal(tmp_path).message

    @pytest.mark.parametrize("value", [-1, 1 << 40, 4.0, True, "4", [4]])
    def test_a_mask_id_that_is_none(self, tmp_path: Path, value: object) -> None:
        made(tmp_path)
        change(tmp_path / "config.json", mask_token_id=value)
        assert "mask_token_id" in refusal(tmp_path).message

    @pytest.mark.parametrize(
        ("model", "added"),
        [
            ({"vocab": {"a": -1}}, []),
            ({"vocab": {"a": "0"}}, []),
            ({"vocab": {"a": 10**30}}, [{"id": None, "content": "b"}]),
            ({"vocab": {}}, [{"id": 1}]),
            ({}, []),
            ([], []),
        ],
    )
    def test_a_hostile_tokenizer(self, tmp_path: Path, model: object, added: object) -> None:
        made(tmp_path)
        content = {"model": model, "added_tokens": added}
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
        assert refusal(tmp_path / "tokenizer.json").code == "checkpoint_invalid"


class TestWeights:
    def test_shards(self, tmp_path: Path) -> None:
        model = made(tmp_path / "whole")
        model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
        make_huggingface.word_piece(tmp_path / "parts")
        assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
        arguments = torch.full((1, 8), 4), torch.zeros(1), torch.arange(8)
        whole, parts = (load(tmp_path / name).logits(*arguments) for name in ("whole", "parts"))
        assert torch.equal(whole, parts)

    @pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a.bin", 5, None])
    def test_an_index_that_points_elsewhere(self, tmp_path: Path, name: object) -> None:
        made(tmp_path / "model")
        index = {"weight_map": {"a": name}}
        (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model.safetensors")
        (tmp_path / "model" / "model.safetensors.index.json").write_text(json.dumps(index))
        assert "not a .safetensors file beside it" in refusal(tmp_path / "model").message

    def test_a_missing_shard(self, tmp_path: Path) -> None:
        made(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        index = {"weight_map": {"a": "model-1.safetensors"}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        assert "model-1.safetensors" in refusal(tmp_path).message

    def test_pickled_weights_are_never_opened(self, tmp_path: Path) -> None:
        model = made(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        marker = tmp_path / "executed"
        torch.save({"x": Malicious(marker), **model.state_dict()}, tmp_path / "pytorch_model.bin")
        error = refusal(tmp_path)
        assert error.code == "checkpoint_unsupported"
        assert "pickled" in error.message
        assert "safetensors" in error.remedy
        assert not marker.exists()

    def test_no_weights(self, tmp_path: Path) -> None:
        made(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        assert "no model.safetensors" in refusal(tmp_path).message

    def test_a_missing_tensor_is_not_made_up(self, tmp_path: Path) -> None:
        made(tmp_path)
        rewrite(tmp_path, lambda tensors: tensors.pop("bert.encoder.layer.1.output.dense.weight"))
        assert "1 of its tensors are missing" in refusal(tmp_path).message

    def test_a_tensor_of_another_shape(self, tmp_path: Path) -> None:
        made(tmp_path)
        name = "bert.encoder.layer.1.output.dense.weight"
        rewrite(tmp_path, lambda tensors: tensors.update({name: torch.zeros(32, 128)}))
        assert refusal(tmp_path).code == "checkpoint_invalid"

    def test_numbers_that_are_not_finite(self, tmp_path: Path) -> None:
        made(tmp_path)
        name = "bert.embeddings.word_embeddings.weight"
        rewrite(tmp_path, lambda tensors: tensors[name][3, 3].fill_(float("nan")))
        assert "not finite" in refusal(tmp_path / "model.safetensors").message

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
    def test_truncated(self, tmp_path: Path, share: float) -> None:
        made(tmp_path)
        file = tmp_path / "model.safetensors"
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
        assert "truncated or damaged" in refusal(file).message

    def test_weights_of_a_classifier_that_lack_the_head(self, tmp_path: Path) -> None:
        made(tmp_path)
        rewrite(tmp_path, lambda tensors: [tensors.pop(n) for n in list(tensors) if "cls." in n])
        assert "missing" in refusal(tmp_path).message

    def test_more_tensors_than_needed(self, tmp_path: Path) -> None:
        """Published files hold a pooler, or the head of another task."""
        made(tmp_path)
        rewrite(tmp_path, lambda tensors: tensors.update({"bert.pooler.bias": torch.zeros(32)}))
        load(tmp_path)


class TestNothingIsExecuted:
    CODE = "from pathlib import Path\nPath({marker!r}).touch()\n"

    @pytest.mark.parametrize(
        "auto_map",
        [
            {"AutoConfig": "modeling.Config", "AutoModelForMaskedLM": "modeling.Model"},
            {"AutoModelForMaskedLM": "someone/else--modeling.Model"},
            "modeling.Model",
        ],
    )
    @pytest.mark.parametrize("model_type", ["bert", "llada", "llada2_moe"])
    def test_code_of_the_model_itself(
        self, tmp_path: Path, model_type: str, auto_map: object
    ) -> None:
        made(tmp_path)
        marker = tmp_path / "executed"
        (tmp_path / "modeling.py").write_text(self.CODE.format(marker=str(marker)))
        change(tmp_path / "config.json", auto_map=auto_map, model_type=model_type)
        error = refusal(tmp_path)
        assert error.code == "checkpoint_unsupported"
        assert "remdm never" in error.message
        assert not marker.exists()
        assert not any(name == "modeling" for name in sys.modules)

    def test_an_unknown_architecture(self, tmp_path: Path) -> None:
        made(tmp_path)
        change(tmp_path / "config.json", model_type="llada2_moe")
        error = refusal(tmp_path)
        assert error.code == "checkpoint_unsupported"
        assert "no architecture 'llada2_moe'" in error.message
        assert "executed" in error.message

    def test_an_attention_kernel_from_the_hub(self, tmp_path: Path) -> None:
        made(tmp_path)
        kernel = "someone/else:kernel"
        change(
            tmp_path / "config.json", _attn_implementation=kernel, attn_implementation=kernel,
            transformers_weights="other.bin", dtype="bfloat16",
        )  # fmt: skip
        network = load(tmp_path)
        model = backbone_of(network).model
        assert isinstance(model, transformers.BertForMaskedLM)
        assert model.config._attn_implementation == "sdpa"
        assert next(backbone_of(network).parameters()).dtype == torch.float32

    def test_other_weights_beside_it(self, tmp_path: Path) -> None:
        """An adapter and a distributed checkpoint, which transformers would take, are not seen."""
        model = made(tmp_path)
        (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/nowhere"}')
        (tmp_path / "shard-00001-model-00001-of-00001.safetensors").write_bytes(b"")
        tokens = torch.randint(5, 20, (1, 8))
        got = load(tmp_path).logits(tokens, torch.zeros(1), torch.arange(8))
        torch.testing.assert_close(got, own_logits(model, tokens)[0])

    def test_the_network_is_never_asked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub.constants as hub

        seen = []
        monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
        original = transformers.BertForMaskedLM.__init__

        def watched(model: transformers.PreTrainedModel, config: transformers.BertConfig) -> None:
            seen.append(hub.HF_HUB_OFFLINE)
            original(model, config)

        made(tmp_path)
        monkeypatch.setattr(transformers.BertForMaskedLM, "__init__", watched)
        load(tmp_path)
        assert seen
        assert all(seen)
        assert hub.HF_HUB_OFFLINE is False, "it was left offline for others"


class TestHostileConfig:
    @pytest.mark.parametrize(
        "fields",
        [
            {"vocab_size": 2**31 - 1},
            {"vocab_size": 10**30},
            {"vocab_size": -5},
            {"vocab_size": "many"},
            {"hidden_size": 0},
            {"hidden_size": 2**30},
            {"hidden_size": [32]},
            {"num_hidden_layers": 10**9},
            {"num_hidden_layers": 512},
            {"num_attention_heads": 5},
            {"num_attention_heads": 0},
            {"num_attention_heads": None},
            {"max_position_embeddings": 0},
            {"max_position_embeddings": 2**30},
            {"max_position_embeddings": None},
            {"hidden_act": "no such"},
            {"hidden_act": {"a": "b"}},
            {"layer_norm_eps": float("nan")},
            {"chunk_size_feed_forward": -1, "hidden_act": 3},
            {"is_decoder": True},
            {"model_type": "albert", "inner_group_num": 10**9},
            {"model_type": "funnel", "block_sizes": [1, 10**9]},
            {"model_type": None},
            {"model_type": ["bert"]},
            {"model_type": "t5"},
            {"model_type": "vit"},
            {"quantization_config": {"quant_method": "bitsandbytes"}},
        ],
        ids=lambda fields: json.dumps(fields)[:60],
    )
    def test_is_refused(self, tmp_path: Path, fields: dict[str, object]) -> None:
        made(tmp_path)
        change(tmp_path / "config.json", **fields)
        assert refusal(tmp_path).code in ("checkpoint_invalid", "checkpoint_unsupported")

    @pytest.mark.parametrize("name", ["to_dict", "attribute_map", "sub_configs", "__class__", ""])
    def test_names_of_the_library_s_own_do_no_harm(self, tmp_path: Path, name: str) -> None:
        made(tmp_path)
        change(tmp_path / "config.json", **{name: 3})
        with suppress(BackendError):
            load(tmp_path)

    def test_labels_of_a_classifier_are_left_out(self, tmp_path: Path) -> None:
        made(tmp_path)
        change(tmp_path / "config.json", num_labels=10**9, id2label=5, label2id=[])
        load(tmp_path)

    @pytest.mark.parametrize(
        "text",
        [
            "", "{", "null", "[]", '"x"', "\u0000", "[" * 100_000, '{"a":' * 100_000,
            '{"model_type": "bert", "x": ' + "[" * 20 + "]" * 20 + "}",
            '{"model_type": "bert", "x": ' + "9" * 10_000 + "}",
            '{"model_type": "bert"' + " " * (5 << 20) + "}",
        ],
        ids=lambda text: text[:12],
    )  # fmt: skip
    def test_that_is_no_object_or_too_much_of_one(self, tmp_path: Path, text: str) -> None:
        made(tmp_path)
        (tmp_path / "config.json").write_text(text)
        assert refusal(tmp_path / "config.json").code == "checkpoint_invalid"

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        made(tmp_path)
        (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
        assert refusal(tmp_path / "config.json").code == "checkpoint_invalid"


class TestWhichDirectoryIsWhat:
    def test_a_card_makes_it_ours(self, tmp_path: Path, demo: Path) -> None:
        for file in demo.iterdir():
            os.symlink(file, tmp_path / file.name)
        (tmp_path / "config.json").write_text('{"model_type": "bert"}')
        assert load(tmp_path).card.format == "safetensors"

    def test_neither(self, tmp_path: Path) -> None:
        error = refusal(tmp_path)
        assert "no card.json and no config.json" in error.message


class TestDependency:
    def test_without_transformers_the_command_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made(tmp_path)
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(BackendError) as caught:
            load(tmp_path)
        assert caught.value.code == "backend_start_failed"
        assert f'"{sys.executable}" -m pip install -r' in caught.value.remedy
        assert transformers_library.REQUIREMENTS.is_file()

    def test_an_old_one_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made(tmp_path)
        monkeypatch.setattr("transformers.__version__", "4.57.6")
        with pytest.raises(BackendError, match=re.escape("4.57.6")):
            load(tmp_path)

    def test_the_pins_of_the_extra_are_those_of_the_tests(self) -> None:
        def pins(name: str) -> set[str]:
            lines = (REQUIREMENTS / name).read_text().splitlines()
            return {line for line in lines if "==" in line}

        assert pins("requirements-hf.txt") <= pins("requirements-dev.txt")


class Malicious:
    """Unpickling it creates ``marker``."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


def rewrite(directory: Path, alter: Callable[[dict[str, Tensor]], object]) -> None:
    path = directory / "model.safetensors"
    tensors = load_file(path)
    alter(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
