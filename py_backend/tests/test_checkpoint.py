"""Good checkpoints load; every other file is refused with a typed error that names it and says
why."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from golden import golden_checkpoint
from make_checkpoint import Recipe, Tokenizer, checkpoint_dict, config_node, config_of, save
from safetensors.torch import load_file, save_file
from torch import Tensor

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import Shape

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)


def refusal(path: Path, *, raw_weights: bool = False) -> BackendError:
    """The error that loading raises; it always names the file and always says what to do."""
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu", raw_weights=raw_weights)
    error = caught.value
    assert path.name in error.message or path.parent.name in error.message
    assert error.remedy
    return error


def refused(path: Path, content: object) -> BackendError:
    save(content, path)
    return refusal(path)


def loads(path: Path, *, raw_weights: bool) -> str:
    try:
        load_network(path, device="cpu", raw_weights=raw_weights)
    except BackendError as error:
        return error.message.removeprefix(f"{path}: ").split(" (")[0]
    return "loads"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broken.ckpt"


class TestLightning:
    def test_golden_cards(self) -> None:
        def card(kind: str, *, raw_weights: bool = False) -> ModelCard:
            path = golden_checkpoint(kind)
            return load_network(path, device="cpu", raw_weights=raw_weights).card

        assert card("mdlm") == ModelCard(
            kind="mdlm", vocab_size=513, mask_id=512, length=64, time_conditioning=False,
            hidden_size=64, n_blocks=2, n_heads=4, cond_dim=32, parameters=204_289,
            weights="ema", name="mdlm.ckpt", format="lightning",
        )  # fmt: skip
        sedd, d3pm = card("sedd"), card("d3pm", raw_weights=True)
        assert (sedd.kind, sedd.time_conditioning, sedd.weights) == ("sedd", True, "ema")
        assert (d3pm.kind, d3pm.time_conditioning, d3pm.weights) == ("d3pm", True, "raw")
        assert (sedd.subs_masking, d3pm.subs_masking) == (False, True)

    def test_the_golden_ar_card(self) -> None:
        path = golden_checkpoint("ar")
        card = load_network(path, device="cpu").card
        assert (card.kind, card.architecture, card.cond_dim) == ("ar", "ar", 0)
        assert (card.vocab_size, card.length, card.time_conditioning) == (513, 64, False)

    def test_average_and_raw_weights_are_told_apart(
        self, tiny_ckpt: Path, content: dict[str, Any]
    ) -> None:
        average, raw = (
            load_network(tiny_ckpt, device="cpu", raw_weights=wish).backbone.state_dict()
            for wish in (False, True)
        )
        for name, value in content["state_dict"].items():
            assert torch.equal(raw[name.removeprefix("backbone.")], value)
        shadow = content["ema"]["shadow_params"]
        names = [name for name in average if name != "rotary_emb.inv_freq"]
        for name, value in zip(names, shadow, strict=True):
            assert torch.equal(average[name], value)

    def test_half_precision_files_and_parameters_load(
        self, content: dict[str, Any], path: Path
    ) -> None:
        content["state_dict"] = OrderedDict(
            (name, torch.nn.Parameter(value.bfloat16()))
            for name, value in content["state_dict"].items()
        )
        save(content, path)
        network = load_network(path, device="cpu", raw_weights=True)
        expected = content["state_dict"]["backbone.vocab_embed.embedding"].float()
        assert torch.equal(network.backbone.vocab_embed.embedding, expected)

    def test_tensors_that_share_a_storage_load(self, content: dict[str, Any], path: Path) -> None:
        shadow = content["ema"]["shadow_params"]
        flat = torch.cat([value.flatten() for value in shadow])
        parts = torch.split(flat, [value.numel() for value in shadow])
        content["ema"]["shadow_params"] = [
            part.view(value.shape) for part, value in zip(parts, shadow, strict=True)
        ]
        save(content, path)
        network = load_network(path, device="cpu")
        for got, value in zip(network.backbone.parameters(), shadow, strict=True):
            assert torch.equal(got, value)

    def test_nothing_else_is_mapped_or_kept(self, tiny_ckpt: Path) -> None:
        network = load_network(str(tiny_ckpt), device="cpu")
        tokens, rows = torch.full((1, 24), 40), torch.arange(24)
        before = network.log_probs(tokens, torch.zeros(1), rows)
        tiny_ckpt.write_bytes(b"")  # a mapped file would now be gone from under the network
        assert torch.equal(network.log_probs(tokens, torch.zeros(1), rows), before)


class TestNotACheckpoint:
    def test_missing(self, tmp_path: Path) -> None:
        error = refusal(tmp_path / "nowhere.ckpt")
        assert error.code == "checkpoint_missing"
        assert str(tmp_path) in error.message

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "empty"),
            (bytes(range(1, 256)) * 40, "not a checkpoint"),
            (b"\x80\x02}q\x00.", "bare pickle"),
            (b"PK\x03\x04" + bytes(500), "truncated or damaged"),
        ],
    )
    def test_other_bytes(self, path: Path, content: bytes, reason: str) -> None:
        path.write_bytes(content)
        error = refusal(path)
        assert error.code == "checkpoint_invalid"
        assert reason in error.message

    def test_the_old_torch_format(self, content: dict[str, Any], path: Path) -> None:
        torch.save(content["state_dict"], path, _use_new_zipfile_serialization=False)
        assert "before 1.6" in refusal(path).message

    @pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 0.9999])
    def test_truncated(self, tiny_ckpt: Path, share: float) -> None:
        whole = tiny_ckpt.read_bytes()
        tiny_ckpt.write_bytes(whole[: int(len(whole) * share)])
        error = refusal(tiny_ckpt)
        assert error.code == "checkpoint_invalid"
        assert "truncated or damaged" in error.message

    def test_another_kind_of_zip(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("word/document.xml", "<w/>")
        assert "not one that torch.save writes" in refusal(path).message

    def test_torchscript(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("code/data.pkl", "code/constants.pkl"):
                archive.writestr(name, b"\x80\x02}q\x00.")
        assert "TorchScript" in refusal(path).message

    def test_compressed_entries(self, tiny_ckpt: Path, path: Path) -> None:
        with (
            zipfile.ZipFile(tiny_ckpt) as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for entry in source.infolist():
                archive.writestr(entry.filename, source.read(entry))
        assert "compressed" in refusal(path).message

    def test_big_endian(self, tiny_ckpt: Path, path: Path) -> None:
        with zipfile.ZipFile(tiny_ckpt) as source, zipfile.ZipFile(path, "w") as archive:
            for entry in source.infolist():
                data = b"big" if entry.filename.endswith("byteorder") else source.read(entry)
                archive.writestr(entry.filename, data)
        assert "little-endian" in refusal(path).message

    def test_a_flipped_bit_in_the_weights(self, tiny_ckpt: Path) -> None:
        data = bytearray(tiny_ckpt.read_bytes())
        with zipfile.ZipFile(tiny_ckpt) as archive:
            entry = max(archive.infolist(), key=lambda e: (e.file_size, e.header_offset))
        data[entry.header_offset + 600] ^= 1
        tiny_ckpt.write_bytes(data)
        # The bit is in one of the two sets of weights; the other still loads.
        outcomes = [loads(tiny_ckpt, raw_weights=raw) for raw in (False, True)]
        assert sorted(outcomes) == ["loads", "the file is truncated or damaged"]

    def test_an_empty_directory(self, tmp_path: Path) -> None:
        error = refusal(tmp_path)
        assert error.code == "checkpoint_invalid"
        assert "card.json" in error.message


class TestIncomplete:
    def test_no_state_dict(self, content: dict[str, Any], path: Path) -> None:
        del content["state_dict"]
        assert "without a state_dict" in refused(path, content).message

    def test_a_bare_tensor(self, path: Path) -> None:
        assert "without a state_dict" in refused(path, torch.zeros(3)).message

    def test_no_config(self, content: dict[str, Any], path: Path) -> None:
        del content["hyper_parameters"]
        assert "hyper_parameters.config" in refused(path, content).message

    def test_no_backbone(self, content: dict[str, Any], path: Path) -> None:
        content["state_dict"] = {"head.weight": torch.zeros(2)}
        assert "'backbone.'" in refused(path, content).message

    def test_no_average(self, content: dict[str, Any], path: Path) -> None:
        del content["ema"]
        assert "raw weights" in refused(path, content).remedy
        assert load_network(path, device="cpu", raw_weights=True).card.weights == "raw"

    def test_an_average_of_another_network(self, content: dict[str, Any], path: Path) -> None:
        content["ema"]["shadow_params"].pop()
        assert "its ema has" in refused(path, content).message

    def test_a_missing_tensor(self, content: dict[str, Any], path: Path) -> None:
        del content["state_dict"]["backbone.blocks.1.attn_out.weight"]
        save(content, path)
        error = refusal(path, raw_weights=True)
        assert "missing, first blocks.1.attn_out.weight" in error.message

    @pytest.mark.parametrize("name", ["vocab_embed.embedding", "sigma_map.mlp.2.weight"])
    def test_a_missing_tensor_that_fixes_the_shape(
        self, content: dict[str, Any], path: Path, name: str
    ) -> None:
        del content["state_dict"]["backbone." + name]
        assert f"{name} is missing" in refused(path, content).message

    def test_an_unknown_tensor(self, content: dict[str, Any], path: Path) -> None:
        content["state_dict"]["backbone.extra"] = torch.zeros(2)
        save(content, path)
        assert "do not belong to this network" in refusal(path, raw_weights=True).message

    def test_a_wrong_shape(self, content: dict[str, Any], path: Path) -> None:
        content["ema"]["shadow_params"][-1] = torch.zeros(3)
        assert "has the shape (3,)" in refused(path, content).message

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_numbers_that_are_not_finite(
        self, content: dict[str, Any], path: Path, bad: float
    ) -> None:
        content["ema"]["shadow_params"][7].view(-1)[3] = bad
        assert "not finite" in refused(path, content).message

    def test_integer_weights(self, content: dict[str, Any], path: Path) -> None:
        content["ema"]["shadow_params"][3] = torch.zeros(2, dtype=torch.int64)
        assert "not floating-point" in refused(path, content).message

    def test_head_counts_that_disagree(self, content: dict[str, Any], path: Path) -> None:
        config = config_of(RECIPE)
        config["model"]["n_heads"] = 4
        content["hyper_parameters"]["config"] = config_node(config)
        assert "says 4 heads" in refused(path, content).message

    def test_other_rotary_frequencies(self, content: dict[str, Any], path: Path) -> None:
        content["state_dict"]["backbone.rotary_emb.inv_freq"] *= 2
        assert "frequencies" in refused(path, content).message

    @pytest.mark.parametrize("value", [None, "64", True, 0, -5, 1 << 40])
    def test_a_length_that_is_none(
        self, content: dict[str, Any], path: Path, value: object
    ) -> None:
        config = config_of(RECIPE)
        config["model"]["length"] = value
        content["hyper_parameters"]["config"] = config_node(config)
        assert "model.length" in refused(path, content).message

    def test_errors_name_the_whole_path(self, content: dict[str, Any], path: Path) -> None:
        del content["state_dict"]
        assert str(path) in refused(path, content).message


class TestAutoregressive:
    @pytest.fixture
    def content(self) -> dict[str, Any]:
        return checkpoint_dict(replace(RECIPE, backbone="ar", parameterization="ar"))

    @pytest.mark.parametrize("raw", [False, True])
    def test_average_and_raw_weights_are_told_apart(
        self, content: dict[str, Any], path: Path, raw: bool
    ) -> None:
        save(content, path)
        network = load_network(path, device="cpu", raw_weights=raw)
        assert not network.card.time_conditioning
        parameters = dict(network.backbone.named_parameters())
        state = content["state_dict"]
        assert len(parameters) == len(content["ema"]["shadow_params"])
        average = dict(zip(parameters, content["ema"]["shadow_params"], strict=True))
        for name, value in parameters.items():
            assert torch.equal(value, state[f"backbone.{name}"] if raw else average[name])

    def test_a_damaged_file_is_refused(self, content: dict[str, Any], path: Path) -> None:
        head = content["state_dict"].pop("backbone.output_layer.linear.bias")
        save(content, path)
        assert "missing" in refusal(path, raw_weights=True).message
        content["state_dict"]["backbone.output_layer.linear.bias"] = head[:-1]
        save(content, path)
        assert "has the shape" in refusal(path, raw_weights=True).message
        content["ema"]["shadow_params"].pop()
        assert "its ema has" in refused(path, content).message

    @pytest.mark.parametrize("change", [{"backbone": "dit"}, {"parameterization": "subs"}])
    def test_one_that_says_it_is_half_something_else_is_refused(
        self, content: dict[str, Any], path: Path, change: dict[str, Any]
    ) -> None:
        config = config_of(replace(RECIPE, backbone="ar", parameterization="ar"))
        content["hyper_parameters"]["config"] = config_node(config | change)
        assert refused(path, content).code == "checkpoint_unsupported"

    def test_the_diffusion_tensors_do_not_belong_to_it(self, path: Path) -> None:
        content = checkpoint_dict(RECIPE)
        config = config_of(replace(RECIPE, backbone="ar", parameterization="ar"))
        content["hyper_parameters"]["config"] = config_node(config)
        save(content, path)
        assert "do not belong" in refusal(path, raw_weights=True).message


class TestUnsupported:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"backbone": "dimamba"}, "'dimamba'"),
            ({"backbone": "hf_dit"}, "'hf_dit'"),
            ({"backbone": "ar"}, "backbone is 'ar'"),
            ({"parameterization": "ar"}, "'ar'"),
            ({"parameterization": "x0"}, "'x0'"),
            ({"noise": {"type": "cosine"}}, "'cosine'"),
        ],
    )
    def test_other_models(
        self, content: dict[str, Any], path: Path, change: dict[str, Any], reason: str
    ) -> None:
        content["hyper_parameters"]["config"] = config_node(config_of(RECIPE) | change)
        error = refused(path, content)
        assert error.code == "checkpoint_unsupported"
        assert reason in error.message

    def test_a_tokenizer_with_its_own_mask(self, content: dict[str, Any], path: Path) -> None:
        content["hyper_parameters"]["tokenizer"] = Tokenizer(_mask_token="[MASK]")
        error = refused(path, content)
        assert error.code == "checkpoint_unsupported"
        assert "mask token" in error.message


class TestDevice:
    def test_auto_takes_a_gpu_only_if_there_is_one(self, tiny_ckpt: Path) -> None:
        apple = "mps" if torch.backends.mps.is_available() else "cpu"
        expected = "cuda" if torch.cuda.is_available() else apple
        assert load_network(tiny_ckpt).device.type == expected

    @pytest.mark.parametrize("name", ["cuda:99", "mps:7", "toaster", "meta"])
    def test_a_device_that_is_not_there(self, tiny_ckpt: Path, name: str) -> None:
        with pytest.raises(BackendError) as caught:
            load_network(tiny_ckpt, device=name)
        assert caught.value.code == "device_unavailable"
        assert repr(name) in caught.value.message


CARD: dict[str, Any] = {
    "kind": "mdlm", "vocab_size": 41, "mask_id": 40, "length": 24, "time_conditioning": False,
    "n_heads": 2, "weights": "ema", "training": {"data": "noise"},
}  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A checkpoint in our own format, the same network as ``tiny_ckpt``'s moving average."""
    directory = tmp_path / "own"
    directory.mkdir()
    content = checkpoint_dict(RECIPE)
    names = [name.removeprefix("backbone.") for name in content["state_dict"]]
    values = [
        *content["ema"]["shadow_params"],
        content["state_dict"]["backbone.rotary_emb.inv_freq"],
    ]
    save_file(dict(zip(names, values, strict=True)), directory / "model.safetensors")
    (directory / "card.json").write_text(json.dumps(CARD))
    return directory


def rewrite_card(directory: Path, **changes: object) -> Path:
    fields = {k: v for k, v in (CARD | changes).items() if v is not ...}
    (directory / "card.json").write_text(json.dumps(fields))
    return directory


def rewrite_tensors(directory: Path, changes: dict[str, Tensor]) -> Path:
    file = directory / "model.safetensors"
    save_file(load_file(file) | changes, file)
    return directory


class TestSafetensors:
    def test_is_the_same_network_as_the_lightning_file(
        self, directory: Path, tiny_ckpt: Path
    ) -> None:
        ours, theirs = load_network(directory, device="cpu"), load_network(tiny_ckpt, device="cpu")
        tokens, rows = torch.randint(41, (2, 24)), torch.arange(48)
        sigma = torch.zeros(2)
        assert torch.equal(
            ours.log_probs(tokens, sigma, rows), theirs.log_probs(tokens, sigma, rows)
        )
        differing = {"name": "own", "format": "safetensors"}
        assert vars(ours.card) == vars(theirs.card) | differing

    def test_the_file_itself_is_a_path_too(self, directory: Path) -> None:
        card = load_network(directory / "model.safetensors", device="cpu").card
        assert card.name == "model.safetensors"

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, directory: Path, dtype: torch.dtype) -> None:
        file = directory / "model.safetensors"
        save_file({name: value.to(dtype) for name, value in load_file(file).items()}, file)
        network = load_network(directory, device="cpu")
        assert network.backbone.vocab_embed.embedding.dtype == torch.float32
        assert torch.equal(
            network.backbone.vocab_embed.embedding,
            load_file(file)["vocab_embed.embedding"].float(),
        )

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"colour": "red"}, "unknown key 'colour'"),
            ({"kind": ...}, "kind is missing"),
            ({"kind": "gpt"}, "kind is 'gpt'"),
            ({"kind": 3}, "kind is 3"),
            ({"vocab_size": "41"}, "vocab_size is '41'"),
            ({"vocab_size": 42}, "says vocab_size 42, its tensors 41"),
            ({"vocab_size": True}, "vocab_size is True"),
            ({"mask_id": 41}, "mask_id is 41"),
            ({"mask_id": -1}, "mask_id is -1"),
            ({"length": 0}, "length is 0"),
            ({"n_heads": 3}, "says 3 heads"),
            ({"time_conditioning": 0}, "time_conditioning is 0"),
            ({"weights": "best"}, "weights is 'best'"),
            ({"training": []}, "training is []"),
            ({"subs_masking": "no"}, "subs_masking is 'no'"),
        ],
    )
    def test_a_wrong_card(self, directory: Path, changes: dict[str, object], reason: str) -> None:
        error = refusal(rewrite_card(directory, **changes))
        assert error.code == "checkpoint_invalid"
        assert reason in error.message

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 60_000, b" " * 100_000])
    def test_a_card_that_is_none(self, directory: Path, text: bytes) -> None:
        (directory / "card.json").write_bytes(text)
        assert refusal(directory).code == "checkpoint_invalid"

    def test_a_card_that_calls_a_dit_ar(self, directory: Path) -> None:
        error = refusal(rewrite_card(directory, kind="ar"))
        assert error.code == "checkpoint_invalid"
        assert "do not belong to this network" in error.message

    def test_an_ar_network(self, directory: Path) -> None:
        shape = Shape(vocab_size=41, hidden_size=32, n_blocks=1, n_heads=2, cond_dim=0)
        network = Autoregressive(shape)
        save_file(network.state_dict(), directory / "model.safetensors")
        rewrite_card(directory, kind="ar", time_conditioning=True, subs_masking=True)
        loaded = load_network(directory, device="cpu")
        # Neither means anything here, and nobody is told otherwise.
        assert not loaded.card.time_conditioning
        assert not loaded.card.subs_masking
        assert (loaded.card.kind, loaded.card.parameters) == (
            "ar",
            sum(parameter.numel() for parameter in network.parameters()),
        )

    def test_raw_weights_that_it_does_not_hold(self, directory: Path) -> None:
        assert refusal(directory, raw_weights=True).code == "checkpoint_unsupported"
        card = load_network(
            rewrite_card(directory, weights="raw"), device="cpu", raw_weights=True
        ).card
        assert card.weights == "raw"

    @pytest.mark.parametrize("size", [0, 7, 500, 9000])
    def test_truncated(self, directory: Path, size: int) -> None:
        file = directory / "model.safetensors"
        file.write_bytes(file.read_bytes()[:size])
        assert "truncated or damaged" in refusal(directory).message

    def test_no_weights(self, directory: Path) -> None:
        (directory / "model.safetensors").unlink()
        assert "no model.safetensors" in refusal(directory).message

    def test_no_card(self, directory: Path) -> None:
        (directory / "card.json").unlink()
        assert "no card.json" in refusal(directory / "model.safetensors").message

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"extra": torch.zeros(1)}, "do not belong"),
            ({"output_layer.linear.bias": torch.zeros(2)}, "has the shape (2,)"),
            ({"output_layer.linear.bias": torch.full((41,), float("nan"))}, "not finite"),
            ({"output_layer.linear.bias": torch.zeros(41, dtype=torch.int32)}, "of type I32"),
            ({"vocab_embed.embedding": torch.zeros(0, 32)}, "has the shape (0, 32)"),
            ({"rotary_emb.inv_freq": torch.ones(8)}, "other frequencies"),
        ],
    )
    def test_wrong_tensors(self, directory: Path, changes: dict[str, Tensor], reason: str) -> None:
        error = refusal(rewrite_tensors(directory, changes))
        assert error.code == "checkpoint_invalid"
        assert reason in error.message

    def test_the_lightning_file_under_a_wrong_name(self, directory: Path, tiny_ckpt: Path) -> None:
        shutil.copy(tiny_ckpt, directory / "model.safetensors")
        error = refusal(directory)
        assert "a zip archive as torch.save writes it" in error.message
        assert ".ckpt" in error.remedy
