"""The files of LLaDA, Dream and the A2D models: every layout that is published loads, and a
directory that lies is refused by name before memory is asked for."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from make_trunk import DREAM, LENGTH, Published, llada
from safetensors.torch import save_file
from torch import Tensor

from remdm_backend.checkpoint import trunk
from remdm_backend.checkpoint.convert import convert
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError

X = torch.arange(LENGTH).view(1, LENGTH)
SHARD = "model-00001-of-00003.safetensors"
INDEX = "model.safetensors.index.json"
HEAD = "model.transformer.ff_out.weight"


def logits(path: Path, dtype: Any = "float32") -> Tensor:  # noqa: ANN401
    network = load_network(path, device="cpu", dtype=dtype)
    return network.logits(X, torch.zeros(1), torch.arange(LENGTH)).float()


def refusal(path: Path, **options: Any) -> BackendError:  # noqa: ANN401
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu", **options)
    assert caught.value.remedy
    return caught.value


def in_type(made: Published, dtype: torch.dtype) -> Published:
    return Published(made.config, {name: part.to(dtype) for name, part in made.tensors.items()})


class TestLayouts:
    @pytest.mark.parametrize("shards", [1, 3])
    @pytest.mark.parametrize("pickled", [False, True])
    def test_one_file_or_several_safe_or_pickled(
        self, tmp_path: Path, shards: int, pickled: bool
    ) -> None:
        made = llada()
        expected = logits(made.write(tmp_path / "expected"))
        assert torch.equal(logits(made.write(tmp_path / "a", shards, pickled=pickled)), expected)

    @pytest.mark.parametrize("pickled", [False, True])
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_types_on_disk(self, tmp_path: Path, dtype: torch.dtype, pickled: bool) -> None:
        made = in_type(llada(), dtype)
        expected = logits(in_type(made, torch.float32).write(tmp_path / "expected"))
        assert torch.equal(logits(made.write(tmp_path / "a", 3, pickled=pickled)), expected)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
    def test_bfloat16_is_rounded_to_once(self, tmp_path: Path, dtype: torch.dtype) -> None:
        made = in_type(llada(), dtype)
        network = load_network(made.write(tmp_path), device="cpu", dtype="bfloat16")
        weight = network.backbone.get_parameter("output.weight")
        assert torch.equal(weight.bfloat16(), made.tensors[HEAD].bfloat16())

    def test_a_file_by_its_path(self, tmp_path: Path) -> None:
        made = llada()
        expected = logits(made.write(tmp_path))
        (tmp_path / "model.safetensors").rename(tmp_path / "model.fp32.safetensors")
        assert torch.equal(logits(tmp_path / "model.fp32.safetensors"), expected)
        assert "there is model.fp32.safetensors" in refusal(tmp_path).message
        torch.save(made.tensors, tmp_path / "weights.bin")
        assert torch.equal(logits(tmp_path / "weights.bin"), expected)

    def test_safetensors_are_preferred(self, tmp_path: Path) -> None:
        made, other = llada(), llada()
        expected = logits(made.write(tmp_path))
        torch.save(other.tensors, tmp_path / "pytorch_model.bin")
        assert torch.equal(logits(tmp_path), expected)

    def test_tensors_that_are_not_contiguous_and_share_storage(self, tmp_path: Path) -> None:
        made = llada()
        expected = logits(made.write(tmp_path / "expected"))
        name = "model.transformer.blocks.0.up_proj.weight"
        made.tensors[name] = made.tensors[name].t().contiguous().t()
        both = torch.cat([made.tensors[HEAD], made.tensors["model.transformer.wte.weight"]])
        made.tensors[HEAD], made.tensors["model.transformer.wte.weight"] = both.chunk(2)
        assert not made.tensors[name].is_contiguous()
        assert torch.equal(logits(made.write(tmp_path / "a", pickled=True)), expected)

    def test_tensors_larger_than_what_is_read_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = llada()
        expected = logits(made.write(tmp_path / "expected"))
        monkeypatch.setattr("remdm_backend.checkpoint.safetensors_file.NUMBERS_AT_ONCE", 70)
        monkeypatch.setattr("remdm_backend.checkpoint.torch_archive.READ_CHUNK", 64)
        assert torch.equal(logits(made.write(tmp_path / "safe")), expected)
        assert torch.equal(logits(made.write(tmp_path / "pickled", pickled=True)), expected)

    def test_the_cache_of_the_hub_links_to_its_blobs(self, tmp_path: Path) -> None:
        made = llada()
        snapshot, blobs = tmp_path / "snapshots" / "5f3a", tmp_path / "blobs"
        expected = logits(made.write(snapshot, 3))
        blobs.mkdir()
        for number, file in enumerate(sorted(snapshot.iterdir())):
            file.rename(blobs / str(number))
            file.symlink_to(Path("../../blobs") / str(number))
        assert torch.equal(logits(snapshot), expected)

    @pytest.mark.parametrize("saved", [True, False])
    def test_a_tied_head_may_be_saved_or_not(self, tmp_path: Path, saved: bool) -> None:
        made = llada(weight_tying=True)
        expected = logits(made.write(tmp_path / "expected"))
        if saved:
            made.tensors[HEAD] = made.tensors["model.transformer.wte.weight"].clone()
        else:
            del made.config["weight_tying"]
        assert torch.equal(logits(made.write(tmp_path / "a")), expected)

    def test_rotary_buffers_of_older_versions_are_passed_over(self, tmp_path: Path) -> None:
        made = llada()
        expected = logits(made.write(tmp_path / "expected"))
        made.tensors["model.transformer.blocks.0.rotary_emb.inv_freq"] = torch.ones(4)
        assert torch.equal(logits(made.write(tmp_path / "a")), expected)


def edit_index(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(directory: Path) -> None:
        index = json.loads((directory / INDEX).read_text())
        change(index["weight_map"])
        (directory / INDEX).write_text(json.dumps(index))

    return edit


LIES = {
    "a path upwards": (edit_index(lambda m: m.update({HEAD: f"../{SHARD}"})), "names '../model"),
    "an absolute path": (edit_index(lambda m: m.update({HEAD: f"/{SHARD}"})), "names '/model"),
    "a folder": (edit_index(lambda m: m.update({HEAD: f"a/{SHARD}"})), "names 'a/model"),
    "two dots": (edit_index(lambda m: m.update({HEAD: ".."})), "names '..'"),
    "pickled weights": (edit_index(lambda m: m.update({HEAD: "a.bin"})), "names 'a.bin'"),
    "a number": (edit_index(lambda m: m.update({HEAD: 1})), "names 1"),
    "a list": (edit_index(lambda m: m.update({HEAD: [SHARD]})), "names ['model"),
    "a null byte": (edit_index(lambda m: m.update({HEAD: "a\0.safetensors"})), "is missing"),
    "a file that is not there": (
        edit_index(lambda m: m.update({HEAD: "model-9.safetensors"})), "model-9.safetensors"),
    "another part": (edit_index(lambda m: m.update({HEAD: SHARD})), f"{HEAD}, which lies in"),
    "a tensor that is nowhere": (
        edit_index(lambda m: m.update({"x.weight": SHARD})), "x.weight lies in"),
    "a tensor left out": (edit_index(lambda m: m.pop(HEAD)), "lies in no file"),
    "nothing": (edit_index(lambda m: m.clear()), "no weight_map"),
    "no object": (lambda d: (d / INDEX).write_text("[]"), "not a JSON object"),
    "the same tensor twice": (
        lambda d: save_file({HEAD: torch.zeros(1)}, d / SHARD), "which lies in"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_index_that_lies(tmp_path: Path, lie: str) -> None:
    tell, reason = LIES[lie]
    tell(llada().write(tmp_path, 3))
    error = refusal(tmp_path)
    assert error.code == "checkpoint_invalid"
    assert reason in error.message


HUGE = 2**24 - 4
CONFIGS: dict[str, tuple[dict[str, Any], str, str]] = {
    # what is changed, the code, and what the message names
    "more blocks": ({"n_layers": 3}, "invalid", "blocks.2"),
    "fewer blocks": ({"n_layers": 1}, "invalid", "do not belong"),
    "many blocks": ({"n_layers": 10**9}, "invalid", "n_layers"),
    "no blocks": ({"n_layers": 0}, "invalid", "n_layers"),
    "a wider model": ({"d_model": 64}, "invalid", "has the shape"),
    "an absurd width": ({"d_model": 2**40}, "invalid", "d_model"),
    "a width that nothing holds": (
        {"d_model": 2**21, "n_heads": 512, "n_kv_heads": 512}, "invalid", "has the shape"),
    "a head that nothing holds": ({"d_model": HUGE}, "invalid", "4194303 numbers"),
    "an MLP that nothing holds": ({"mlp_hidden_size": HUGE}, "invalid", "has the shape"),
    "tokens that nothing holds": ({"embedding_size": HUGE}, "invalid", "has the shape"),
    "a width of one half": ({"d_model": 32.0}, "invalid", "d_model is 32.0"),
    "true for a number": ({"n_heads": True}, "invalid", "n_heads is True"),
    "heads that do not divide": ({"n_heads": 5}, "invalid", "n_heads is 5"),
    "a width that heads do not divide": (
        {"n_heads": 3, "n_kv_heads": 3}, "invalid", "divided into 3 heads"),
    "groups that do not divide": ({"n_kv_heads": 3}, "invalid", "n_kv_heads, 3"),
    "no width": ({"d_model": None}, "invalid", "d_model is None"),
    "fewer columns than tokens": ({"embedding_size": 100}, "invalid", "embedding_size is 100"),
    "a mask outside": ({"mask_token_id": 288}, "invalid", "mask_token_id is 288"),
    "a negative mask": ({"mask_token_id": -1}, "invalid", "mask_token_id is -1"),
    "no length": ({"max_sequence_length": None}, "invalid", "max_sequence_length"),
    "a negative theta": ({"rope_theta": -1.0}, "invalid", "rope_theta is -1.0"),
    "a theta that is no number": ({"rope_theta": math.nan}, "invalid", "rope_theta is nan"),
    "a theta beyond all numbers": ({"rope_theta": 10**400}, "invalid", "rope_theta"),
    "an endless epsilon": ({"rms_norm_eps": math.inf}, "invalid", "rms_norm_eps is inf"),
    "tied by a word": ({"weight_tying": "yes"}, "invalid", "weight_tying is 'yes'"),
    "untied and saved tied": ({"include_bias": True}, "invalid", "bias"),
    "biases in norms": (
        {"include_bias": True, "bias_for_layer_norm": None}, "unsupported", "include_bias is True"),
    "no rotary positions": ({"rope": False}, "unsupported", "rope is False"),
    "alibi": ({"alibi": True}, "unsupported", "alibi is True"),
    "another norm": ({"layer_norm_type": "default"}, "unsupported", "layer_norm_type is 'default'"),
    "another activation": ({"activation_type": "swiglu"}, "unsupported", "activation_type"),
    "other blocks": ({"block_type": "sequential"}, "unsupported", "block_type is 'sequential'"),
    "grouped blocks": ({"block_group_size": 2}, "unsupported", "block_group_size is 2"),
    "scaled logits": ({"scale_logits": True}, "unsupported", "scale_logits is True"),
    "quantized": ({"quantization_config": {"bits": 4}}, "unsupported", "quantized"),
    "another class": (
        {"architectures": ["LLaDAMoEModelLM"]}, "unsupported", "remdm runs LLaDAModelLM"),
    "a class by a word": ({"architectures": "LLaDA"}, "unsupported", "remdm runs LLaDAModelLM"),
    "dynamic positions": (
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "unsupported", "'dynamic'"),
    "yarn": ({"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "unsupported", "'yarn'"),
    "a type that is a list": ({"rope_scaling": {"type": ["linear"]}}, "unsupported", "['linear']"),
    "settings by layer": (
        {"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "unsupported",
        "'full_attention'"),
    "part of a head": (
        {"rope_parameters": {"partial_rotary_factor": 0.5}}, "unsupported",
        "rope_parameters.partial_rotary_factor is 0.5"),
    "a factor left out": ({"rope_scaling": {"type": "linear"}}, "invalid", "rope_scaling.factor"),
    "two thetas": (
        {"rope_parameters": {"rope_theta": 1e4}}, "invalid", "rope_theta is 500000, and 10000"),
    "settings by a word": ({"rope_scaling": "linear"}, "invalid", "rope_scaling is 'linear'"),
}  # fmt: skip


@pytest.fixture
def nothing_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory may be asked for: the weights are not reached."""

    def reached(*_: object) -> None:
        raise AssertionError("the weights were reached")

    monkeypatch.setattr(trunk, "fill", reached)


@pytest.mark.usefixtures("nothing_is_filled")
class TestConfigs:
    @pytest.mark.parametrize("what", CONFIGS)
    def test_is_refused_by_name(self, tmp_path: Path, what: str) -> None:
        changes, code, reason = CONFIGS[what]
        made = llada()
        made.config |= changes
        started = time.perf_counter()
        error = refusal(made.write(tmp_path))
        assert time.perf_counter() - started < 5
        assert error.code == f"checkpoint_{code}"
        assert reason in error.message
        assert tmp_path.name in error.message

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
            ({"use_sliding_window": True}, "use_sliding_window is True"),
        ],
    )
    def test_of_dream(self, tmp_path: Path, changes: dict[str, object], reason: str) -> None:
        error = refusal(Published(DREAM | changes, {"x": torch.ones(1)}).write(tmp_path))
        assert error.code == "checkpoint_unsupported"
        assert reason in error.message

    def test_a_head_of_an_odd_size(self, tmp_path: Path) -> None:
        error = refusal(Published(DREAM | {"head_dim": 7}, {"x": torch.ones(1)}).write(tmp_path))
        assert "7 numbers, which has to be even" in error.message

    def test_a_tensor_is_missing(self, tmp_path: Path) -> None:
        made = llada()
        del made.tensors[HEAD]
        assert f"1 tensors are missing, first {HEAD}" in refusal(made.write(tmp_path)).message

    def test_an_overlap_of_tensors_is_found(self, tmp_path: Path) -> None:
        """A pickle can name one small storage a thousand times."""
        made = llada(n_layers=8, d_model=64, mlp_hidden_size=512)
        shared: dict[tuple[int, ...], Tensor] = {}
        for name, part in made.tensors.items():
            made.tensors[name] = shared.setdefault(tuple(part.shape), part)
        error = refusal(made.write(tmp_path, pickled=True))
        assert "overlap" in error.message

    def test_no_weights(self, tmp_path: Path) -> None:
        (llada().write(tmp_path) / "model.safetensors").unlink()
        error = refusal(tmp_path)
        assert error.code == "checkpoint_invalid"
        assert "no model.safetensors or pytorch_model.bin" in error.message

    def test_a_part_alone(self, tmp_path: Path) -> None:
        llada().write(tmp_path, 3)
        assert "one part of a model" in refusal(tmp_path / SHARD).message

    def test_integers_and_float8_are_named(self, tmp_path: Path) -> None:
        made = llada()
        made.tensors[HEAD] = made.tensors[HEAD].to(torch.float8_e4m3fn)
        assert "float8" in refusal(made.write(tmp_path)).message
        made.tensors[HEAD] = made.tensors[HEAD].int()
        assert HEAD in refusal(made.write(tmp_path)).message
        assert HEAD in refusal(made.write(tmp_path / "pickled", pickled=True)).message


class Marks:
    """Pickles as a call that makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_nothing_pickled_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    made = llada()
    made.write(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(made.tensors | {"x.weight": Marks(marker)}, tmp_path / "pytorch_model.bin")
    error = refusal(tmp_path)
    assert "x.weight is not a tensor but a call of posix.system" in error.message
    assert not marker.exists()


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(tmp_path: Path, bad: float, pickled: bool) -> None:
    made = llada()
    made.tensors[HEAD][17, 3] = bad
    error = refusal(made.write(tmp_path, 3, pickled=pickled))
    assert f"{HEAD} holds numbers that are not finite" in error.message


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float, pickled: bool) -> None:
    llada().write(tmp_path, pickled=pickled)
    file = tmp_path / ("pytorch_model.bin" if pickled else "model.safetensors")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    assert refusal(tmp_path).code == "checkpoint_invalid"


def test_a_number_that_was_damaged_on_its_way(tmp_path: Path) -> None:
    llada().write(tmp_path, pickled=True)
    file = tmp_path / "pytorch_model.bin"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert refusal(tmp_path).code == "checkpoint_invalid"


def test_weights_that_do_not_fit_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = llada()
    size = sum(part.nbytes for part in made.tensors.values())
    made.write(tmp_path)
    monkeypatch.setattr(trunk, "free_memory", lambda _device: size)
    load_network(tmp_path, device="cpu")
    monkeypatch.setattr(trunk, "free_memory", lambda _device: size - 1)
    monkeypatch.setattr(trunk, "read_into", None)
    assert refusal(tmp_path).code == "out_of_memory"


def test_it_is_not_converted(tmp_path: Path) -> None:
    with pytest.raises(BackendError) as caught:
        convert(llada().write(tmp_path / "a"), tmp_path / "out")
    assert caught.value.code == "checkpoint_unsupported"
    assert not (tmp_path / "out").exists()
