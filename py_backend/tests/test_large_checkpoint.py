"""A file of the published size and format: it loads, in bounded memory, and runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from remdm_backend.model.linear import multiplies_bfloat16

PROGRAM = """
import json, re, sys, time
import torch
from remdm_backend.checkpoint.load import load_network

torch.set_num_threads(2)
def peak():  # not ru_maxrss, which a child inherits from its parent
    return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
before = peak()
started = time.perf_counter()
network = load_network(sys.argv[1], device="cpu", dtype=sys.argv[2])
seconds = time.perf_counter() - started
loaded = peak()
tokens = torch.full((1, 16), network.card.mask_id)
rows = network.log_probs(tokens, torch.zeros(1), torch.tensor([0, 7]))
print(json.dumps({
    "card": vars(network.card), "seconds": seconds, "before": before, "loaded": loaded,
    "after": peak(), "shape": list(rows.shape), "mass": rows.exp().sum(-1).tolist(),
    "weights": sum(parameter.nbytes for parameter in network.backbone.parameters()),
}))
"""
REPOSITORY = Path(__file__).resolve().parents[2]
PARAMETERS = 169_627_218
WEIGHTS = 4 * PARAMETERS


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)


@pytest.fixture
def published_size(tmp_path: Path) -> Path:
    path = tmp_path / "published.ckpt"
    writer = Path(__file__).with_name("make_checkpoint.py")
    subprocess.run([sys.executable, str(writer), str(path)], check=True, timeout=300)
    assert path.stat().st_size > 2 * WEIGHTS  # raw and averaged weights
    return path


def loaded(path: Path, dtype: str) -> dict[str, Any]:
    """What a process of its own says of loading ``path``."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), dtype],
        cwd=REPOSITORY / "py_backend",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_published_size_loads_in_the_memory_of_one_set_of_weights(
    published_size: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = loaded(published_size, "float32")
    loading = result["loaded"] - result["before"]
    with capsys.disabled():
        print(
            f"\n169M parameters: loaded in {result['seconds']:.1f} s; "
            f"{result['before'] / 1e6:.0f} MB before, {loading / 1e6:.0f} MB more to load "
            f"(weights {WEIGHTS / 1e6:.0f} MB), {result['after'] / 1e6:.0f} MB after a forward"
        )
    card = result["card"]
    assert card["parameters"] == PARAMETERS
    assert (card["kind"], card["weights"], card["format"]) == ("mdlm", "ema", "lightning")
    assert (card["vocab_size"], card["mask_id"], card["length"]) == (50258, 50257, 1024)
    assert (card["hidden_size"], card["n_blocks"], card["n_heads"]) == (768, 12, 12)
    assert result["shape"] == [2, 50258]
    assert result["mass"] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert loading < 1.25 * WEIGHTS + 64e6


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_llada_loads_in_little_more_than_its_weights(tmp_path: Path, dtype: str) -> None:
    """The largest tensor is a quarter of the weights: a second copy of it would be seen. Where the
    processor multiplies no bfloat16, its weights are float32, and rounded."""
    is_half = dtype == "bfloat16" and multiplies_bfloat16(torch.device("cpu"))
    size = 2 if is_half else 4
    script = REPOSITORY / "scripts" / "checkpoints" / "random_llada.py"
    sizes = ["--layers", "4", "--width", "1024", "--heads", "8", "--mlp", "3072"]
    command = [sys.executable, str(script), str(tmp_path), *sizes, "--columns", "32000"]
    subprocess.run([*command, "--only-write"], check=True, timeout=300)
    result = loaded(tmp_path, dtype)
    assert result["weights"] == pytest.approx(120e6 * size, rel=0.01)
    assert result["loaded"] - result["before"] < 1.1 * result["weights"] + 32e6
    assert result["mass"] == pytest.approx([1.0, 1.0], abs=1e-2)
