"""The files that ``save_pretrained`` and the hub have beside ``config.json``: shards, variants,
pickled weights and float8 are read, or explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_huggingface
import make_judge
import pytest
import torch
from make_checkpoint import Recipe, checkpoint_dict
from safetensors.torch import load_file, save_file
from torch import Tensor

from remdm_backend.checkpoint.convert import convert
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.judging.load import load_judge

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
RELEASE = {
    "model_type": "mdlm", "cond_dim": 16, "hidden_dim": 32, "model_length": 24, "n_blocks": 2,
    "n_heads": 2, "time_conditioning": False, "vocab_size": 41,
    "auto_map": {"AutoModelForMaskedLM": "modeling_mdlm.MDLM"},
}  # fmt: skip
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return dict(checkpoint_dict(RECIPE)["state_dict"])


def sharded(directory: Path, tensors: dict[str, Tensor]) -> Path:
    """The release of MDLM as ``save_pretrained(max_shard_size=...)`` of transformers 5 leaves it:
    parts, and an index of the part that has each tensor."""
    names = list(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    for shard, half in zip(SHARDS, halves, strict=True):
        save_file({name: tensors[name] for name in half}, directory / shard)
    index = {
        "metadata": {"total_size": sum(part.nbytes for part in tensors.values())},
        "weight_map": {
            name: shard for shard, half in zip(SHARDS, halves, strict=True) for name in half
        },
    }
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    (directory / "config.json").write_text(json.dumps(RELEASE))
    return directory


def refusal(path: Path, load: Any = load_network) -> BackendError:  # noqa: ANN401
    with pytest.raises(BackendError) as caught:
        load(path, device="cpu")
    error = caught.value
    assert path.name in error.message or path.parent.name in error.message
    assert "Download or copy" not in error.remedy
    return error


class TestTheReleaseOfMdlm:
    def test_shards_make_the_network_of_the_single_file(
        self, tmp_path: Path, tensors: dict[str, Tensor]
    ) -> None:
        network = load_network(sharded(tmp_path, tensors), device="cpu")
        assert (network.card.format, network.card.weights) == ("huggingface", "ema")
        for name, value in network.backbone.state_dict().items():
            assert torch.equal(value, tensors[f"backbone.{name}"])

    def test_shards_convert(self, tmp_path: Path, tensors: dict[str, Tensor]) -> None:
        source, out = tmp_path / "sharded", tmp_path / "out"
        source.mkdir()
        sharded(source, tensors)
        steps: list[tuple[int, int]] = []
        card = convert(source, out, progress=lambda *step: steps.append(step))
        assert card["source"]["file"] == "model.safetensors.index.json"
        assert steps[-1][0] == steps[-1][1]
        written = load_file(out / "model.safetensors")
        assert {f"backbone.{name}" for name in written} == set(tensors)
        for name, value in written.items():
            assert torch.equal(value, tensors[f"backbone.{name}"])

    def test_a_tensor_that_no_shard_has_is_named(
        self, tmp_path: Path, tensors: dict[str, Tensor]
    ) -> None:
        del tensors["backbone.blocks.1.attn_out.weight"]
        assert "first blocks.1.attn_out.weight" in refusal(sharded(tmp_path, tensors)).message

    def test_pickled_weights_alone_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps(RELEASE))
        torch.save({}, tmp_path / "pytorch_model.bin")
        error = refusal(tmp_path)
        assert error.code == "checkpoint_unsupported"
        assert "pickled" in error.message
        assert "save_pretrained" in error.remedy

    @pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
    def test_float8_is_named(
        self, tmp_path: Path, tensors: dict[str, Tensor], dtype: torch.dtype
    ) -> None:
        name = "backbone.blocks.0.attn_qkv.weight"
        tensors[name] = tensors[name].to(dtype)
        error = refusal(sharded(tmp_path, tensors))
        assert error.code == "checkpoint_unsupported"
        assert f"{name} holds float8" in error.message


def bert(directory: Path) -> Path:
    make_huggingface.bert(directory).save_pretrained(directory)
    return directory


def gpt2(directory: Path) -> Path:
    make_judge.gpt2(directory)
    return directory


def mdlm(directory: Path) -> Path:
    save_file(dict(checkpoint_dict(RECIPE)["state_dict"]), directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps(RELEASE))
    return directory


KINDS = [
    pytest.param(mdlm, load_network, id="mdlm"),
    pytest.param(bert, load_network, id="bert"),
    pytest.param(gpt2, load_judge, id="judge"),
]


@pytest.mark.parametrize(("make", "load"), KINDS)
class TestAFileByItsPath:
    def test_a_variant_is_taken(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        """``save_pretrained(variant="fp16")`` writes ``model.fp16.safetensors``."""
        directory = make(tmp_path)
        expected = load(directory, device="cpu").card
        file = directory / "model.safetensors"
        tensors = {name: part.half() for name, part in load_file(file).items()}
        file.unlink()
        save_file(tensors, directory / "model.fp16.safetensors", metadata={"format": "pt"})
        card = load(directory / "model.fp16.safetensors", device="cpu").card
        assert card.name == "model.fp16.safetensors"
        assert (card.vocab_size, card.parameters) == (expected.vocab_size, expected.parameters)
        assert "there is model.fp16.safetensors" in refusal(directory, load).message

    def test_a_shard_is_explained(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        directory = make(tmp_path)
        (directory / "model.safetensors").rename(directory / SHARDS[0])
        error = refusal(directory / SHARDS[0], load)
        assert error.code == "checkpoint_unsupported"
        assert "one part of a model" in error.message
        assert str(directory) in error.remedy

    def test_pickled_weights_are_named(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        directory = make(tmp_path)
        torch.save({}, directory / "pytorch_model.bin")
        error = refusal(directory / "pytorch_model.bin", load)
        assert error.code == "checkpoint_unsupported"
        assert "pickled" in error.message

    def test_float8_is_named(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        directory = make(tmp_path)
        file = directory / "model.safetensors"
        tensors = load_file(file)
        name = next(name for name, part in tensors.items() if part.ndim == 2)
        tensors[name] = tensors[name].to(torch.float8_e4m3fn)
        save_file(tensors, file, metadata={"format": "pt"})
        error = refusal(directory, load)
        assert error.code == "checkpoint_unsupported"
        assert f"{name} holds float8" in error.message

    def test_doubles_are_taken(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        directory = make(tmp_path)
        file = directory / "model.safetensors"
        tensors = {name: part.double() for name, part in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})
        assert load(directory, device="cpu").card.parameters > 0


def several_parts(make: Any, directory: Path) -> dict[str, str]:  # noqa: ANN401
    """Cut a model into two parts with an index; gives the index's weight_map."""
    make(directory)
    file = directory / "model.safetensors"
    tensors = load_file(file)
    file.unlink()
    weight_map = {name: SHARDS[index % 2] for index, name in enumerate(tensors)}
    for shard in SHARDS:
        part = {name: tensors[name] for name, at in weight_map.items() if at == shard}
        save_file(part, directory / shard, metadata={"format": "pt"})
    return weight_map


@pytest.mark.parametrize(("make", "load"), KINDS)
class TestAnIndex:
    def test_that_is_right_loads(self, tmp_path: Path, make: Any, load: Any) -> None:  # noqa: ANN401
        index = {"weight_map": several_parts(make, tmp_path)}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        assert load(tmp_path, device="cpu").card.parameters > 0

    @pytest.mark.parametrize("file", [SHARDS[1], f"../{SHARDS[0]}", [SHARDS[0]]])
    def test_that_lies_is_refused(
        self,
        tmp_path: Path,
        make: Any,  # noqa: ANN401
        load: Any,  # noqa: ANN401
        file: object,
    ) -> None:
        weight_map: dict[str, object] = dict(several_parts(make, tmp_path))
        weight_map[next(iter(weight_map))] = file
        index = {"weight_map": weight_map}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        error = refusal(tmp_path, load)
        assert error.code == "checkpoint_invalid"
        assert "model.safetensors.index.json" in error.message
