"""A file of the published size and format: it loads, in bounded memory, and runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, re, sys, time
import torch
from remdm_backend.checkpoint.load import load_network

torch.set_num_threads(2)
def peak():  # not ru_maxrss, which a child inherits from its parent
    return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
before = peak()
started = time.perf_counter()
network = load_network(sys.argv[1], device="cpu")
seconds = time.perf_counter() - started
loaded = peak()
tokens = torch.full((1, 16), network.card.mask_id)
rows = network.log_probs(tokens, torch.zeros(1), torch.tensor([0, 7]))
print(json.dumps({
    "card": vars(network.card), "seconds": seconds, "before": before, "loaded": loaded,
    "after": peak(), "shape": list(rows.shape), "mass": rows.exp().sum(-1).tolist(),
}))
"""
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


def test_published_size_loads_in_the_memory_of_one_set_of_weights(
    published_size: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(published_size)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
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
