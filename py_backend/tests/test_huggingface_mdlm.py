"""The Hugging Face release of MDLM is read by our own DiT."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from make_checkpoint import Recipe, checkpoint_dict
from safetensors.torch import save_file
from torch import Tensor

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.dit import DiT

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
CONFIG = {
    "architectures": ["MDLM"],
    "auto_map": {
        "AutoConfig": "configuration_mdlm.MDLMConfig",
        "AutoModelForMaskedLM": "modeling_mdlm.MDLM",
    },
    "cond_dim": 16,
    "dropout": 0.1,
    "hidden_dim": 32,
    "model_length": 24,
    "model_type": "mdlm",
    "n_blocks": 2,
    "n_heads": 2,
    "time_conditioning": False,
    "torch_dtype": "float32",
    "vocab_size": 41,
}
ROTARY = "backbone.rotary_emb.inv_freq"


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    state: OrderedDict[str, Tensor] = checkpoint_dict(RECIPE)["state_dict"]
    return {name: value.clone() for name, value in state.items()}


def release(directory: Path, tensors: dict[str, Tensor], **changes: object) -> Path:
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(CONFIG | changes))
    (directory / "modeling_mdlm.py").write_text("raise SystemExit('it was executed')\n")
    return directory


def refusal(path: Path, *, raw_weights: bool = False) -> BackendError:
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu", raw_weights=raw_weights)
    assert path.name in caught.value.message
    assert caught.value.remedy
    return caught.value


def dit_of(tensors: dict[str, Tensor]) -> DiT:
    dit = DiT(RECIPE.shape).eval()
    dit.load_state_dict({name.removeprefix("backbone."): part for name, part in tensors.items()})
    return dit


def test_its_logits_are_our_own_dit_s(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    network = load_network(release(tmp_path, tensors), device="cpu")
    tokens, rows = torch.randint(0, 41, (3, 24)), torch.tensor([70, 0, 31])
    with torch.no_grad():
        expected = dit_of(tensors)(tokens, torch.zeros(3), rows)
    # Not bit for bit: one noise level for all is computed in fewer passes than three equal ones.
    assert torch.allclose(network.logits(tokens, torch.zeros(3), rows), expected, atol=1e-5)


def test_its_card(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    card = load_network(release(tmp_path, tensors), device="cpu").card
    assert (card.kind, card.format, card.architecture) == ("mdlm", "huggingface", "dit")
    assert (card.vocab_size, card.mask_id, card.length, card.cond_dim) == (41, 40, 24, 16)
    assert (card.weights, card.time_conditioning) == ("ema", False)


def test_rotary_frequencies_may_be_absent(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    arguments = torch.full((1, 24), 40), torch.zeros(1), torch.arange(24)
    expected = load_network(release(tmp_path, tensors), device="cpu").logits(*arguments)
    del tensors[ROTARY]
    got = load_network(release(tmp_path, tensors), device="cpu").logits(*arguments)
    assert torch.equal(got, expected)


def test_neither_transformers_nor_its_own_code_is_imported(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    program = (
        "import sys; from remdm_backend.checkpoint.load import load_network; "
        f"load_network({str(release(tmp_path, tensors))!r}, device='cpu'); "
        "assert not {'transformers', 'huggingface_hub', 'modeling_mdlm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_raw_weights_are_not_in_it(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    error = refusal(release(tmp_path, tensors), raw_weights=True)
    assert error.code == "checkpoint_unsupported"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vocab_size": 50258}, "vocab_size 50258"),
        ({"hidden_dim": 64}, "hidden_dim 64"),
        ({"n_blocks": 3}, "3 blocks"),
        ({"n_heads": 4}, "4 heads"),
        ({"n_heads": 0}, "n_heads"),
        ({"n_heads": 2**40}, "n_heads"),
        ({"model_length": "24"}, "model_length"),
        ({"time_conditioning": 0}, "time_conditioning"),
        ({"vocab_size": None}, "vocab_size"),
    ],
)
def test_a_config_that_does_not_fit(
    tmp_path: Path, tensors: dict[str, Tensor], changes: dict[str, object], reason: str
) -> None:
    error = refusal(release(tmp_path, tensors, **changes))
    assert error.code == "checkpoint_invalid"
    assert reason in error.message


def test_a_size_that_nothing_holds_asks_for_no_memory(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    del tensors[ROTARY]
    error = refusal(release(tmp_path, tensors, hidden_dim=2**31 - 1, n_heads=1))
    assert error.code == "checkpoint_invalid"


def test_tensors_of_something_else(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    renamed = {name.replace("backbone.", "head."): part for name, part in tensors.items()}
    assert "'backbone.'" in refusal(release(tmp_path, renamed)).message


def test_no_weights(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    (release(tmp_path, tensors) / "model.safetensors").unlink()
    assert "no model.safetensors" in refusal(tmp_path).message
