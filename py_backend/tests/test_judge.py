"""A judge says what transformers itself says of the same texts, whatever they are batched with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
import transformers
from make_huggingface import bert
from make_judge import CONTEXT, TEXTS, ar, encoded, features_of, gpt2, likelihood_of
from safetensors.torch import load_file, save_file

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.judging import judge as judge_module
from remdm_backend.judging import texts as texts_module
from remdm_backend.judging.features import features
from remdm_backend.judging.judge import Judge
from remdm_backend.judging.likelihood import counts, likelihood
from remdm_backend.judging.load import load_judge
from remdm_backend.wire.judging import Texts

TOLERANCE = 1e-5
"""Relative."""


def texts_of(ids: list[list[int]]) -> Texts:
    flat = np.array([token for text in ids for token in text], np.int64)
    return Texts(flat, np.array([len(text) for text in ids], np.int64))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge") / "gpt2"
    torch.manual_seed(0)
    gpt2(path)
    return path


@pytest.fixture(scope="module")
def model(directory: Path) -> transformers.PreTrainedModel:
    return transformers.AutoModelForCausalLM.from_pretrained(directory).eval()


@pytest.fixture(scope="module")
def judge(directory: Path) -> Judge:
    return load_judge(directory, device="cpu")


@pytest.fixture(scope="module")
def ids(directory: Path) -> list[list[int]]:
    return [encoded(directory, text) for text in TEXTS]


@pytest.mark.parametrize("eos", [0, None])
def test_likelihoods_are_those_of_transformers(
    judge: Judge, model: transformers.PreTrainedModel, ids: list[list[int]], eos: int | None
) -> None:
    assert max(map(len, ids)) > CONTEXT  # so one is cut into chunks
    nats, counted = likelihood(judge, texts_of(ids), eos)
    expected = [likelihood_of(model, text, eos) for text in ids]
    np.testing.assert_allclose(nats, [value for value, _ in expected], rtol=TOLERANCE)
    assert counted.tolist() == [number for _, number in expected]


def test_features_are_the_last_hidden_states_of_transformers(
    judge: Judge, model: transformers.PreTrainedModel, ids: list[list[int]]
) -> None:
    cut = [text[:CONTEXT] for text in ids if text]
    vectors = features(judge, texts_of(cut))
    expected = np.stack([features_of(model, text) for text in cut])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("at_once", [1, 40, 10_000])
def test_neither_depends_on_the_batching(
    judge: Judge, ids: list[list[int]], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = [text[:CONTEXT] for text in ids if text]
    alone = [likelihood(judge, texts_of([text]), 0)[0][0] for text in cut]
    vectors = np.concatenate([features(judge, texts_of([text])) for text in cut])
    monkeypatch.setattr(texts_module, "TOKENS_AT_ONCE", at_once)
    monkeypatch.setattr(judge_module, "LOGITS_AT_ONCE", 7 * judge.card.vocab_size)
    nats, _ = likelihood(judge, texts_of(cut), 0)
    np.testing.assert_allclose(nats, alone, rtol=TOLERANCE)
    together = features(judge, texts_of(cut))
    np.testing.assert_allclose(together, vectors, rtol=TOLERANCE, atol=TOLERANCE)
    chosen = texts_module.batches([len(text) for text in cut])
    longest = [max(len(cut[index]) for index in some) for some in chosen]
    assert all(
        len(some) == 1 or len(some) * length <= at_once
        for some, length in zip(chosen, longest, strict=True)
    )
    assert sorted(index for some in chosen for index in some) == list(range(len(cut)))
    assert (len(chosen) == 1) == (at_once == 10_000)


@pytest.mark.parametrize(
    ("chunk", "mask"),
    [
        ([5, 6, 7], [1, 1]),
        ([5, 0, 7, 0, 8], [1, 1, 0, 1]),  # what follows the first end counts, a second end does not
        ([0, 5, 0], [1, 0]),  # the first end began the chunk
        ([0, 0, 0], [0, 0]),
        ([0], []),
    ],
)
def test_which_tokens_count(chunk: list[int], mask: list[int]) -> None:
    assert counts(np.array(chunk), 0).tolist() == [bool(one) for one in mask]
    assert counts(np.array(chunk), None).all()


def test_an_autoregressive_model_judges_with_its_own_log_probs(tmp_path: Path) -> None:
    ar(tmp_path)
    judge, network = load_judge(tmp_path / "model.ckpt"), load_network(tmp_path / "model.ckpt")
    assert (judge.card.kind, judge.card.length) == ("ar", CONTEXT)
    ids = [[3, 1, 4, 1, 5, 9, 0, 2, 6], [5, 3], [7]]
    nats, counted = likelihood(judge, texts_of(ids), None)
    for text, value in zip(ids, nats, strict=True):
        tokens = torch.tensor([text])
        rows = torch.arange(len(text) - 1)
        log_probs = network.log_probs(tokens, torch.zeros(1), rows)
        expected = -log_probs[rows, tokens[0, 1:]].double().sum()
        np.testing.assert_allclose(value, float(expected), rtol=TOLERANCE)
    assert counted.tolist() == [8, 1, 0]

    hidden: list[torch.Tensor] = []
    norm = network.backbone.get_submodule("output_layer.norm_final")
    norm.register_forward_hook(lambda module, given, normed: hidden.append(normed))
    network.logits(torch.tensor(ids[:1]), torch.zeros(1), torch.tensor([8]))
    vector = features(judge, texts_of(ids))[0]
    np.testing.assert_allclose(vector, hidden[0][0], rtol=TOLERANCE, atol=TOLERANCE)


def test_bfloat16_is_close(directory: Path, tmp_path: Path, ids: list[list[int]]) -> None:
    ar(tmp_path)
    for path in (directory, tmp_path / "model.ckpt"):
        exact, half = load_judge(path), load_judge(path, dtype="bfloat16")
        nats, _ = likelihood(exact, texts_of(ids), 0)
        rounded, _ = likelihood(half, texts_of(ids), 0)
        np.testing.assert_allclose(rounded, nats, rtol=0.05)
        assert not np.array_equal(rounded, nats)
        assert np.isfinite(features(half, texts_of([ids[0]]))).all()


def test_published_files_that_name_tensors_without_a_prefix_are_read(
    directory: Path, tmp_path: Path, judge: Judge, ids: list[list[int]]
) -> None:
    """GPT-2's own file was saved from the bare model, in the days of attention masks as buffers."""
    tensors = {
        name.removeprefix("transformer."): tensor
        for name, tensor in load_file(directory / "model.safetensors").items()
    }
    tensors["h.0.attn.bias"] = torch.ones(1, 1, CONTEXT, CONTEXT)
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((directory / "config.json").read_bytes())
    again, _ = likelihood(load_judge(tmp_path), texts_of(ids), 0)
    np.testing.assert_array_equal(again, likelihood(judge, texts_of(ids), 0)[0])


def test_a_llama_judges_too(tmp_path: Path, ids: list[list[int]]) -> None:
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=CONTEXT,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    nats, counted = likelihood(load_judge(tmp_path), texts_of(ids[:2]), 0)
    expected = [likelihood_of(model, text, 0) for text in ids[:2]]
    np.testing.assert_allclose(nats, [value for value, _ in expected], rtol=TOLERANCE)
    assert counted.tolist() == [number for _, number in expected]


def refusal(path: Path) -> BackendError:
    with pytest.raises(BackendError) as caught:
        load_judge(path)
    return caught.value


class TestRefuses:
    def test_a_model_of_masks(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        assert refusal(tiny_ckpt).code == "checkpoint_unsupported"
        assert "cannot judge texts" in refusal(tiny_ckpt).message
        bert(tmp_path / "bert").save_pretrained(tmp_path / "bert")
        assert refusal(tmp_path / "bert").code == "checkpoint_unsupported"
        assert "do not predict the next token" in refusal(tmp_path / "bert").message

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "nothing").code == "checkpoint_missing"

    def test_a_model_that_does_more_with_its_logits(self, tmp_path: Path) -> None:
        config = transformers.CohereConfig(
            vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=CONTEXT, logit_scale=0.5,
        )  # fmt: skip
        transformers.CohereForCausalLM(config).save_pretrained(tmp_path)
        assert refusal(tmp_path).code == "checkpoint_unsupported"
        assert "not a linear layer" in refusal(tmp_path).message

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    @pytest.mark.parametrize("architecture", ["llama", "gemma3"])
    def test_a_model_that_sees_what_follows(
        self, tmp_path: Path, architecture: str, dtype: Literal["float32", "bfloat16"]
    ) -> None:
        shape = {
            "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16,
            "max_position_embeddings": CONTEXT, "initializer_range": 0.3,
        }  # fmt: skip
        makers = {
            "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM,
                      {"is_causal": False}),
            "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM,
                       {"use_bidirectional_attention": True}),
        }  # fmt: skip
        config, model, changes = makers[architecture]
        model(config(**shape)).save_pretrained(tmp_path / "causal")
        assert load_judge(tmp_path / "causal", dtype=dtype).card.kind == "ar"
        model(config(**shape, **changes)).save_pretrained(tmp_path / "seeing")
        with pytest.raises(BackendError, match="tokens that follow") as caught:
            load_judge(tmp_path / "seeing", dtype=dtype)
        assert caught.value.code == "checkpoint_unsupported"

    @pytest.mark.parametrize(
        "changes", [{"auto_map": {"AutoModelForCausalLM": "x.Y"}}, {"n_layer": 10_000}]
    )
    def test_a_config_that_asks_for_too_much(
        self, directory: Path, tmp_path: Path, changes: dict[str, Any]
    ) -> None:
        fields = json.loads((directory / "config.json").read_text()) | changes
        (tmp_path / "config.json").write_text(json.dumps(fields))
        (tmp_path / "model.safetensors").write_bytes((directory / "model.safetensors").read_bytes())
        assert refusal(tmp_path).code.startswith("checkpoint_")


def test_what_does_not_fit_the_memory_is_halved_until_it_does(
    judge: Judge, ids: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = [text[:CONTEXT] for text in ids if text]
    whole, vectors = likelihood(judge, texts_of(cut), 0)[0], features(judge, texts_of(cut))
    asked: list[int] = []

    def states(tokens: torch.Tensor) -> torch.Tensor:
        asked.append(len(tokens))
        if len(tokens) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return type(judge).states(judge, tokens)

    monkeypatch.setattr(judge, "states", states)
    np.testing.assert_allclose(likelihood(judge, texts_of(cut), 0)[0], whole, rtol=TOLERANCE)
    halved = features(judge, texts_of(cut))
    np.testing.assert_allclose(halved, vectors, rtol=TOLERANCE, atol=TOLERANCE)
    assert max(asked) > 2
    assert min(asked) <= 2


def test_memory_that_is_not_there_is_not_asked_for(
    judge: Judge, ids: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_module, "free_memory", lambda device: 0)
    monkeypatch.setattr(judge_module, "kept_memory", lambda: 0)
    with pytest.raises(BackendError) as caught:
        features(judge, texts_of([ids[0]]))
    assert caught.value.code == "out_of_memory"
    assert "batchSize" in caught.value.remedy
