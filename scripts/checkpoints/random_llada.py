"""Write a network of LLaDA 8B's shape with random bfloat16 weights, and measure loading it.

``.venv/bin/python scripts/checkpoints/random_llada.py OUT`` from the repository. ``OUT`` becomes a
directory as the releases are: ``config.json`` and four safetensors shards with their index, 16 GB
at full size; ``--layers 8`` has 5.6 GB, and ``--width``, ``--heads``, ``--mlp`` and ``--columns``
make it smaller still. Then a process of its own loads it (``--dtype``) and runs one forward, and
the peak of its memory beyond what it had before is printed, with its ratio to the weights.
``--only-write`` and ``--only-load`` do one of the two. Linux only: the peak is read from /proc.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

BACKEND = Path(__file__).resolve().parents[2] / "py_backend"
sys.path.insert(0, str(BACKEND))

import torch
from torch import Tensor

from remdm_backend.checkpoint.architecture import PublishedTrunk
from remdm_backend.checkpoint.architectures.llada import LLADA
from remdm_backend.checkpoint.huggingface_files import CONFIG_FILE, INDEX_FILE, JsonObject
from remdm_backend.checkpoint.load import load_network
from remdm_backend.checkpoint.safetensors_writer import Plan, bytes_of, write_safetensors
from remdm_backend.model.transformer import Transformer

SHARDS = 4
STATUS = Path("/proc/self/status")


def main() -> None:
    options = arguments()
    if options.measure:
        measure(options.out, options.dtype)
        return
    if not options.only_load:
        write(options.out, config_of(options), LLADA)
    if not options.only_write:
        again = [sys.executable, __file__, str(options.out), "--measure", "--dtype", options.dtype]
        subprocess.run(again, check=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a random LLaDA, and measure loading it.")
    parser.add_argument("out", type=Path)
    for name, default in (
        ("layers", 32), ("width", 4096), ("heads", 32), ("mlp", 12288), ("columns", 126464),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--only-write", action="store_true")
    parser.add_argument("--only-load", action="store_true")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def config_of(options: argparse.Namespace) -> dict[str, object]:
    """LLaDA-8B-Base's config, with the sizes that were asked for."""
    return {
        "architectures": ["LLaDAModelLM"], "model_type": "llada",
        "auto_map": {"AutoModel": "modeling_llada.LLaDAModelLM"},
        "d_model": options.width, "n_heads": options.heads, "n_kv_heads": options.heads,
        "n_layers": options.layers, "mlp_hidden_size": options.mlp, "mlp_ratio": 4,
        "vocab_size": options.columns, "embedding_size": options.columns,
        "mask_token_id": min(126336, options.columns - 1), "max_sequence_length": 4096,
        "activation_type": "silu", "block_type": "llama", "block_group_size": 1, "rope": True,
        "rope_theta": 500000.0, "layer_norm_type": "rms", "rms_norm_eps": 1e-5, "alibi": False,
        "include_bias": False, "include_qkv_bias": False, "weight_tying": False,
        "torch_dtype": "bfloat16",
    }  # fmt: skip


def write(out: Path, config: dict[str, object], entry: PublishedTrunk) -> None:
    """Write the directory of a model of ``entry``, one tensor in memory at a time."""
    out.mkdir(parents=True, exist_ok=True)
    (out / CONFIG_FILE).write_text(json.dumps(config, indent=1))
    shape = entry.shape(JsonObject(out / CONFIG_FILE))
    shape = replace(shape, tied=config[entry.tied_key] is True)
    with torch.device("meta"):
        network = Transformer(shape)
    plan: Plan = {
        entry.published_name(name): (tuple(parameter.shape), torch.bfloat16)
        for name, parameter in network.named_parameters()
    }
    total = bytes_of(plan)
    free = shutil.disk_usage(out).free
    if total > free:
        raise SystemExit(f"{out} has room for {free / 1e9:.1f} GB, and {total / 1e9:.1f} GB come.")
    generator = torch.Generator().manual_seed(0)

    def random(name: str) -> Tensor:
        shape, dtype = plan[name]
        if len(shape) == 1:
            return torch.ones(shape, dtype=dtype)
        numbers = torch.empty(shape, dtype=dtype).normal_(generator=generator)
        return numbers.div_(math.sqrt(shape[1]))

    weight_map, done = {}, 0
    for name, entry in plan.items():
        shard = done * SHARDS // total + 1
        weight_map[name] = f"model-{shard:05}-of-{SHARDS:05}.safetensors"
        done += bytes_of({name: entry})
    for shard in sorted(set(weight_map.values())):
        part = {name: plan[name] for name, at in weight_map.items() if at == shard}
        for _ in write_safetensors(out / shard, part, random):
            pass
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (out / INDEX_FILE).write_text(json.dumps(index, indent=1))
    print(f"wrote {out}: {total / 2e9:.2f}B parameters, {total / 1e9:.2f} GB in bfloat16")


def measure(out: Path, dtype: Literal["float32", "bfloat16"]) -> None:
    """Load ``out`` and run a forward on the CPU; print what it took."""
    torch.empty(1, dtype=torch.bfloat16).float()
    before = peak()
    started = time.perf_counter()
    network = load_network(
        out, device="cpu", dtype="bfloat16" if dtype == "bfloat16" else "float32"
    )
    seconds, loading = time.perf_counter() - started, peak() - before
    weights = sum(parameter.nbytes for parameter in network.backbone.parameters())
    print(
        f"loaded as {dtype} in {seconds:.1f} s: {loading / 1e9:.3f} GB at the peak for weights of "
        f"{weights / 1e9:.3f} GB, {loading / weights:.3f} times their size"
    )
    tokens = torch.full((1, 64), network.card.mask_id)
    started = time.perf_counter()
    network.logits(tokens, torch.zeros(1), torch.arange(4))
    seconds = time.perf_counter() - started
    print(f"a forward of 64 tokens with 4 rows of logits: {seconds:.1f} s")


def peak() -> int:
    """The most main memory that this process has had, in bytes."""
    found = re.search(r"VmHWM:\s*(\d+)", STATUS.read_text())
    if found is None:
        raise SystemExit(f"{STATUS} does not say VmHWM.")
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
