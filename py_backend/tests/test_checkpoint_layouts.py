"""One network, written in every layout that real libraries give it, loads with the same numbers.

The layouts are those that ``scripts/checkpoints`` writes with the libraries themselves.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from make_checkpoint import Recipe, checkpoint_dict, config_node, config_of, save
from safetensors.torch import save_file
from torch import Tensor

from remdm_backend.checkpoint.convert import convert
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.card import Weights

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
ROTARY = "backbone.rotary_emb.inv_freq"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def content() -> dict[str, Any]:
    return checkpoint_dict(RECIPE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.ckpt"


def raw(content: dict[str, Any]) -> dict[str, Tensor]:
    """The trained weights by the network's own names."""
    return {name.removeprefix("backbone."): part for name, part in content["state_dict"].items()}


def average(content: dict[str, Any]) -> dict[str, Tensor]:
    names = [name for name in raw(content) if name != "rotary_emb.inv_freq"]
    return dict(zip(names, content["ema"]["shadow_params"], strict=True))


def assert_loads(
    path: Path, expected: dict[str, Tensor], weights: str, *, raw_weights: bool = False
) -> None:
    network = load_network(path, device="cpu", raw_weights=raw_weights)
    assert network.card.weights == weights
    parameters = dict(network.backbone.named_parameters())
    assert len(parameters) == len(content_names())
    for name, value in parameters.items():
        assert torch.equal(value, expected[name].float()), name


def content_names() -> list[str]:
    return [name for name in raw(checkpoint_dict(RECIPE)) if name != "rotary_emb.inv_freq"]


def refusal(path: Path, *, raw_weights: bool = False) -> BackendError:
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu", raw_weights=raw_weights)
    assert caught.value.remedy
    return caught.value


class TestWeightAveraging:
    """Lightning 2.6's ``WeightAveraging`` and ``EMAWeightAveraging`` write the average as
    ``state_dict`` and the trained weights as ``current_model_state``; files of weights only have
    the trained weights as ``state_dict``."""

    @pytest.fixture
    def full(self, content: dict[str, Any], path: Path) -> Path:
        state = content["state_dict"]
        averaged = {name: state[f"backbone.{name}"] * 0.9 for name in raw(content)}
        averaged["rotary_emb.inv_freq"] = state[ROTARY]
        written = content | {
            "state_dict": {f"backbone.{name}": part for name, part in averaged.items()},
            "current_model_state": state,
            "averaging_state": {"n_averaged": torch.tensor(4)},
        }
        del written["ema"]
        save(written, path)
        return path

    def test_the_average_is_what_a_full_file_calls_state_dict(
        self, full: Path, content: dict[str, Any]
    ) -> None:
        expected = {name: part * 0.9 for name, part in raw(content).items()}
        assert_loads(full, expected, "ema")

    def test_raw_weights_are_its_current_model_state(
        self, full: Path, content: dict[str, Any]
    ) -> None:
        assert_loads(full, raw(content), "raw", raw_weights=True)

    @pytest.mark.parametrize("weights", ["ema", "raw"])
    def test_a_conversion_keeps_them_apart(
        self, full: Path, content: dict[str, Any], tmp_path: Path, weights: Weights
    ) -> None:
        card = convert(full, tmp_path / "out", weights=weights)
        assert card["weights"] == weights
        factor = 0.9 if weights == "ema" else 1.0
        expected = {name: part * factor for name, part in raw(content).items()}
        assert_loads(tmp_path / "out", expected, weights, raw_weights=weights == "raw")

    def test_weights_only_are_the_trained_ones(self, content: dict[str, Any], path: Path) -> None:
        for key in ("ema", "callbacks", "sampler"):
            del content[key]
        save(content, path)
        assert "no moving average" in refusal(path).message
        assert_loads(path, raw(content), "raw", raw_weights=True)

    def test_an_average_of_the_original_s_own_comes_first(
        self, content: dict[str, Any], path: Path
    ) -> None:
        written = content | {
            "state_dict": {name: part * 0.5 for name, part in content["state_dict"].items()},
            "current_model_state": content["state_dict"],
        }
        written["state_dict"][ROTARY] = content["state_dict"][ROTARY]
        save(written, path)
        assert_loads(path, average(content), "ema")
        assert_loads(path, raw(content), "raw", raw_weights=True)


def compiled(name: str) -> str:
    return name.replace("backbone.", "backbone._orig_mod.")


WRAPPERS: dict[str, Callable[[str], str]] = {
    "torch.compile of the network": compiled,
    "torch.compile of the whole": lambda name: f"_orig_mod.{name}",
    "DistributedDataParallel": lambda name: f"module.{name}",
    "Lightning's strategies": lambda name: f"_forward_module.{name}",
    "all three": lambda name: f"_forward_module.module.{compiled(name)}",
    "a Lightning module around the model": lambda name: f"model.{name}",
    "model instead of backbone": lambda name: name.replace("backbone.", "model."),
    "compiled blocks": lambda name: name.replace("blocks.1.", "blocks.1._orig_mod."),
    "checkpointed blocks": lambda name: name.replace(
        "blocks.0.", "blocks.0._checkpoint_wrapped_module."
    ),
    "FSDP": lambda name: name.replace("backbone.", "backbone._fsdp_wrapped_module."),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
class TestPrefixesOfWrappers:
    def test_in_a_lightning_file(self, wrapper: str, content: dict[str, Any], path: Path) -> None:
        plain = dict(content)
        plain["state_dict"] = OrderedDict(
            (WRAPPERS[wrapper](name), part) for name, part in content["state_dict"].items()
        )
        save(plain, path)
        assert_loads(path, raw(content), "raw", raw_weights=True)
        assert_loads(path, average(content), "ema")

    def test_in_our_safetensors(
        self, wrapper: str, content: dict[str, Any], tmp_path: Path
    ) -> None:
        tensors = {WRAPPERS[wrapper](f"backbone.{name}"): p for name, p in raw(content).items()}
        assert_loads(own(tmp_path, tensors), raw(content), "raw", raw_weights=True)

    def test_in_our_safetensors_without_backbone(
        self, wrapper: str, content: dict[str, Any], tmp_path: Path
    ) -> None:
        tensors = {
            WRAPPERS[wrapper](f"backbone.{name}").replace("backbone.", ""): part
            for name, part in raw(content).items()
        }
        assert_loads(own(tmp_path, tensors), raw(content), "raw", raw_weights=True)

    def test_in_the_release_of_hugging_face(
        self, wrapper: str, content: dict[str, Any], tmp_path: Path
    ) -> None:
        tensors = {WRAPPERS[wrapper](name): part for name, part in content["state_dict"].items()}
        save_file(tensors, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text(json.dumps(RELEASE))
        assert_loads(tmp_path, raw(content), "ema")


RELEASE = {
    "model_type": "mdlm", "cond_dim": 16, "hidden_dim": 32, "model_length": 24, "n_blocks": 2,
    "n_heads": 2, "time_conditioning": False, "vocab_size": 41,
}  # fmt: skip


def own(directory: Path, tensors: dict[str, Tensor]) -> Path:
    save_file(tensors, directory / "model.safetensors")
    card = {
        "kind": "mdlm", "vocab_size": 41, "mask_id": 40, "length": 24, "n_heads": 2,
        "time_conditioning": False, "weights": "raw",
    }  # fmt: skip
    (directory / "card.json").write_text(json.dumps(card))
    return directory


def test_a_name_that_is_there_with_and_without_a_wrapper_is_refused(
    content: dict[str, Any], path: Path
) -> None:
    name = "backbone.blocks.0.attn_out.weight"
    content["state_dict"][compiled(name)] = content["state_dict"][name] * 2
    save(content, path)
    error = refusal(path, raw_weights=True)
    assert error.code == "checkpoint_invalid"
    assert f"{compiled(name)} and {name}" in error.message or f"{name} and" in error.message


def test_a_shape_that_does_not_fit_is_refused_behind_a_wrapper_too(
    content: dict[str, Any], path: Path
) -> None:
    state = {compiled(name): part for name, part in content["state_dict"].items()}
    state["backbone._orig_mod.blocks.0.attn_out.weight"] = torch.zeros(3, 3)
    save(content | {"state_dict": state}, path)
    assert (
        "blocks.0.attn_out.weight has the shape (3, 3)" in refusal(path, raw_weights=True).message
    )


def test_other_modules_beside_the_backbone_are_left_alone(
    content: dict[str, Any], path: Path
) -> None:
    """An average that is a module of its own must never pass as the trained weights."""
    for name, part in list(content["state_dict"].items()):
        content["state_dict"][f"ema.module.{name}"] = part * 0.5
    content["state_dict"]["train_metrics.nll.mean_value"] = torch.zeros(())
    save(content, path)
    assert_loads(path, raw(content), "raw", raw_weights=True)


def test_a_network_under_another_name_is_refused(content: dict[str, Any], path: Path) -> None:
    state = {f"ema_{name}": part for name, part in content["state_dict"].items()}
    save(content | {"state_dict": state}, path)
    assert "'backbone.'" in refusal(path, raw_weights=True).message


def transposed(part: Tensor) -> Tensor:
    return part.t().contiguous().t() if part.ndim == 2 else part


def every_other(part: Tensor) -> Tensor:
    wide = torch.full((*part.shape, 2), 7.0)
    wide[..., 0] = part
    return wide[..., 0]


def in_the_middle(part: Tensor) -> Tensor:
    return torch.cat([torch.full((5,), 7.0), part.flatten(), torch.ones(3)])[5:-3].view(part.shape)


MEMORY: dict[str, Callable[[Tensor], Tensor]] = {
    "doubles (Lightning's precision 64-true)": Tensor.double,
    "transposed": transposed,
    "strided": every_other,
    "with an offset": in_the_middle,
    "transposed doubles": lambda part: transposed(part.double()),
    "parameters": torch.nn.Parameter,
}


@pytest.mark.parametrize("raw_weights", [False, True])
@pytest.mark.parametrize("memory", MEMORY)
def test_tensors_in_any_memory_layout_have_equal_numbers(
    memory: str, raw_weights: bool, content: dict[str, Any], path: Path
) -> None:
    change = MEMORY[memory]
    written = content | {
        "state_dict": {name: change(part) for name, part in content["state_dict"].items()},
        "ema": {"shadow_params": [change(part) for part in content["ema"]["shadow_params"]]},
    }
    save(written, path)
    expected = raw(content) if raw_weights else average(content)
    assert_loads(path, expected, "raw" if raw_weights else "ema", raw_weights=raw_weights)


def test_doubles_in_safetensors(content: dict[str, Any], tmp_path: Path) -> None:
    tensors = {name: part.double() for name, part in raw(content).items()}
    assert_loads(own(tmp_path, tensors), raw(content), "raw", raw_weights=True)
    card = convert(tmp_path, tmp_path / "out")
    assert card["weights"] == "raw"
    assert_loads(tmp_path / "out", raw(content), "raw", raw_weights=True)


def test_a_double_beyond_float32_is_refused(content: dict[str, Any], path: Path) -> None:
    name = "backbone.output_layer.linear.bias"
    content["state_dict"][name] = content["state_dict"][name].double()
    content["state_dict"][name][2] = 1e300
    save(content, path)
    assert "not finite" in refusal(path, raw_weights=True).message


def test_an_expanded_tensor_is_refused(content: dict[str, Any], path: Path) -> None:
    """A tensor larger than its storage could be of any size."""
    content["state_dict"]["backbone.output_layer.linear.bias"] = torch.zeros(1).expand(41)
    save(content, path)
    assert "output_layer.linear.bias" in refusal(path, raw_weights=True).message


@pytest.fixture
def without_checksums() -> Iterator[None]:
    torch.serialization.set_crc32_options(False)
    yield
    torch.serialization.set_crc32_options(True)


class TestChecksums:
    """PyTorch's ``set_crc32_options(False)`` writes 0 as the checksum of every entry; Python's
    ``zipfile`` refuses such a file and ``torch.load`` reads it."""

    @pytest.mark.usefixtures("without_checksums")
    def test_an_archive_without_them_loads(self, content: dict[str, Any], path: Path) -> None:
        save(content, path)
        assert_loads(path, average(content), "ema")

    def test_one_that_has_them_is_checked(self, content: dict[str, Any], path: Path) -> None:
        save(content, path)
        damaged = bytearray(path.read_bytes())
        where = damaged.find(content["ema"]["shadow_params"][0].numpy().tobytes())
        assert where > 0
        damaged[where + 40] ^= 1
        path.write_bytes(damaged)
        error = refusal(path)
        assert "truncated or damaged" in error.message
        assert error.remedy.startswith("Download or copy the checkpoint again")

    def test_a_single_checksum_of_zero_is_one_that_fails(
        self, content: dict[str, Any], path: Path
    ) -> None:
        """Wiping the checksum of one entry does not switch the check off."""
        save(content, path)
        whole = path.read_bytes()
        stored = content["ema"]["shadow_params"][0].numpy().tobytes()
        checksum = zlib.crc32(stored).to_bytes(4, "little")
        assert whole.count(checksum) >= 1
        path.write_bytes(whole.replace(checksum, bytes(4)))
        assert "truncated or damaged" in refusal(path).message


class TestRotaryBuffer:
    """The frequencies are the same for every network of a head size, so a file may leave them
    out."""

    def test_a_lightning_file_without_it(self, content: dict[str, Any], path: Path) -> None:
        del content["state_dict"][ROTARY]
        save(content, path)
        assert_loads(path, average(content), "ema")
        assert_loads(path, raw(content), "raw", raw_weights=True)

    def test_our_safetensors_without_it(self, content: dict[str, Any], tmp_path: Path) -> None:
        tensors = raw(content)
        del tensors["rotary_emb.inv_freq"]
        assert_loads(own(tmp_path, tensors), raw(content), "raw", raw_weights=True)

    def test_the_frequencies_are_computed(self, content: dict[str, Any], path: Path) -> None:
        save(content, path)
        tokens, rows = torch.full((1, 24), 40), torch.arange(24)
        arguments = tokens, torch.zeros(1), rows
        expected = load_network(path, device="cpu").logits(*arguments)
        del content["state_dict"][ROTARY]
        save(content, path)
        assert torch.equal(load_network(path, device="cpu").logits(*arguments), expected)

    def test_a_conversion_writes_it(
        self, content: dict[str, Any], path: Path, tmp_path: Path
    ) -> None:
        del content["state_dict"][ROTARY]
        save(content, path)
        convert(path, tmp_path / "out")
        assert_loads(tmp_path / "out", average(content), "ema")

    def test_heads_that_do_not_divide_the_width_are_named(
        self, content: dict[str, Any], path: Path
    ) -> None:
        del content["state_dict"][ROTARY]
        config = config_of(RECIPE)
        config["model"]["n_heads"] = 5
        content["hyper_parameters"]["config"] = config_node(config)
        save(content, path)
        error = refusal(path)
        assert error.code == "checkpoint_invalid"
        assert "5 heads" in error.message


def as_tuple(content: dict[str, Any]) -> None:
    content["ema"]["shadow_params"] = tuple(content["ema"]["shadow_params"])


def by_name(content: dict[str, Any]) -> None:
    content["ema"]["shadow_params"] = average(content)


def by_name_in_the_module(content: dict[str, Any]) -> None:
    content["ema"] = OrderedDict(
        (f"backbone.{name}", part) for name, part in average(content).items()
    )


def by_compiled_name(content: dict[str, Any]) -> None:
    content["ema"] = {
        "decay": 0.9999,
        "shadow_params": {f"_orig_mod.{name}": part for name, part in average(content).items()},
    }


@pytest.mark.parametrize("change", [as_tuple, by_name, by_name_in_the_module, by_compiled_name])
def test_averages_in_other_containers(change: Change, content: dict[str, Any], path: Path) -> None:
    expected = average(content)
    change(content)
    save(content, path)
    assert_loads(path, expected, "ema")


def test_an_average_by_name_that_lacks_one_is_refused(content: dict[str, Any], path: Path) -> None:
    by_name(content)
    del content["ema"]["shadow_params"]["blocks.1.attn_out.weight"]
    save(content, path)
    assert "missing, first blocks.1.attn_out.weight" in refusal(path).message


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
class TestFloat8:
    def test_in_a_lightning_file(
        self, dtype: torch.dtype, content: dict[str, Any], path: Path
    ) -> None:
        name = "backbone.blocks.0.attn_out.weight"
        content["state_dict"][name] = content["state_dict"][name].to(dtype)
        save(content, path)
        self.assert_named(refusal(path, raw_weights=True))

    def test_in_our_safetensors(
        self, dtype: torch.dtype, content: dict[str, Any], tmp_path: Path
    ) -> None:
        tensors = raw(content)
        tensors["blocks.0.attn_out.weight"] = tensors["blocks.0.attn_out.weight"].to(dtype)
        self.assert_named(refusal(own(tmp_path, tensors), raw_weights=True))

    def assert_named(self, error: BackendError) -> None:
        assert error.code == "checkpoint_unsupported"
        assert "float8" in error.message
        assert "blocks.0.attn_out.weight" in error.message
        assert "Download" not in error.remedy
