"""Another copy is recommended only where bytes are damaged; a whole file of another layout is told
what it is."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from make_checkpoint import Recipe, checkpoint_dict, config_node, config_of, save
from safetensors.torch import save_file

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
AGAIN = "Download or copy the checkpoint again"


def refusal(path: Path) -> BackendError:
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu")
    assert path.name in caught.value.message or path.parent.name in caught.value.message
    assert caught.value.remedy
    return caught.value


def good(path: Path) -> Path:
    save(checkpoint_dict(RECIPE), path)
    return path


def own(directory: Path) -> Path:
    content = checkpoint_dict(RECIPE)
    tensors = {name.removeprefix("backbone."): p for name, p in content["state_dict"].items()}
    save_file(tensors, directory / "model.safetensors")
    card = {
        "kind": "mdlm", "vocab_size": 41, "mask_id": 40, "length": 24, "n_heads": 2,
        "time_conditioning": False,
    }  # fmt: skip
    (directory / "card.json").write_text(json.dumps(card))
    return directory / "model.safetensors"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    """One bit of the first averaged tensor."""
    whole = bytearray(path.read_bytes())
    first = checkpoint_dict(RECIPE)["ema"]["shadow_params"][0].numpy().tobytes()
    whole[whole.find(first) + 10] ^= 1
    path.write_bytes(whole)


def shortened(path: Path) -> None:
    """A storage with fewer bytes than its tensor claims."""
    with zipfile.ZipFile(path) as source:
        entries = [(entry.filename, source.read(entry)) for entry in source.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data[:-4] if "/data/" in name else data)


@pytest.mark.parametrize("damage", [cut, emptied, flipped, shortened])
def test_a_damaged_lightning_file_asks_for_another_copy(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = good(tmp_path / "model.ckpt")
    damage(path)
    assert refusal(path).remedy.startswith(AGAIN)


@pytest.mark.parametrize("damage", [cut, emptied])
def test_a_damaged_safetensors_file_asks_for_another_copy(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = own(tmp_path)
    damage(path)
    assert refusal(path).remedy.startswith(AGAIN)


def change(**changes: object) -> Callable[[Path], Path]:
    def write(directory: Path) -> Path:
        save(checkpoint_dict(RECIPE) | changes, directory / "model.ckpt")
        return directory / "model.ckpt"

    return write


def in_state(name: str, part: object) -> Callable[[Path], Path]:
    def write(directory: Path) -> Path:
        content = checkpoint_dict(RECIPE)
        content["state_dict"][f"backbone.{name}"] = part
        del content["ema"]
        content["current_model_state"] = content["state_dict"]
        save(content, directory / "model.ckpt")
        return directory / "model.ckpt"

    return write


def setting(**changes: object) -> Callable[[Path], Path]:
    hyper = {"config": config_node(config_of(RECIPE) | changes)}
    return change(hyper_parameters=hyper)


def bytes_of(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(directory: Path) -> Path:
        (directory / "card.json").write_text("{}")
        own(directory)
        (directory / name).write_bytes(data)
        return directory / name

    return write


def saved_as(name: str, **options: bool) -> Callable[[Path], Path]:
    def write(directory: Path) -> Path:
        own(directory)
        torch.save({"x": torch.zeros(3)}, directory / name, **options)
        return directory / name

    return write


def renamed(directory: Path) -> Path:
    return own(directory).rename(directory / "model.ckpt")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
WHOLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "another dictionary": (saved_as("weights.pt"), "without a state_dict"),
    "before PyTorch 1.6": (saved_as("x.pt", _use_new_zipfile_serialization=False), "before 1.6"),
    "torch.save as safetensors": (saved_as("model.safetensors"), "as torch.save writes it"),
    "safetensors as .ckpt": (renamed, "a safetensors file"),
    "a pointer of Git LFS as .ckpt": (bytes_of("model.ckpt", LFS), "Git LFS"),
    "a pointer of Git LFS": (bytes_of("model.safetensors", LFS), "Git LFS"),
    "a page of HTML": (bytes_of("model.ckpt", b"\n<!doctype html><p>"), "HTML"),
    "a page as safetensors": (bytes_of("model.safetensors", b"<html>" * 9), "HTML"),
    "text": (bytes_of("model.ckpt", b"hello " * 99), "not a checkpoint"),
    "no config": (change(hyper_parameters={}), "hyper_parameters.config"),
    "a config without a length": (setting(model={"n_heads": 2}), "model.length"),
    "another network": (change(state_dict={"head.weight": torch.zeros(2)}), "no network"),
    "no average": (change(ema=None), "no moving average"),
    "an average of another network": (change(ema={"shadow_params": []}), "its ema has 0"),
    "a state_dict that is a list": (change(state_dict=[]), "not a dictionary"),
    "a tensor too many": (in_state("extra", torch.zeros(2)), "do not belong"),
    "a tensor of another shape": (
        in_state("output_layer.linear.bias", torch.zeros(2)), "has the shape (2,)",
    ),
    "integers": (in_state("output_layer.linear.bias", torch.zeros(41).int()), "IntStorage"),
    "numbers that are not finite": (
        in_state("output_layer.linear.bias", torch.full((41,), torch.nan)), "not finite",
    ),
    "an expanded tensor": (
        in_state("output_layer.linear.bias", torch.zeros(1).expand(41)), "memory layout",
    ),
    "other frequencies": (in_state("rotary_emb.inv_freq", torch.ones(8)), "frequencies"),
    "a wrong card": (bytes_of("card.json", b"{"), "not readable as JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_file_of_another_layout_is_told_what_it_is(tmp_path: Path, case: str) -> None:
    write, reason = WHOLE[case]
    path = write(tmp_path)
    error = refusal(path.parent if path.suffix == ".json" else path)
    assert reason in error.message
    assert AGAIN not in error.remedy


def test_the_remedy_for_a_missing_average_names_every_way_to_ask(tmp_path: Path) -> None:
    remedy = refusal(change(ema=None)(tmp_path)).remedy
    for way in ("--raw-weights", "--weights raw", "rawWeights: true"):
        assert way in remedy
