"""Tiny networks in the published formats of LLaDA, Dream and the A2D models, with random weights.

Each is a config and tensors by their published names, for a test to change before it writes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from make_huggingface import byte_level
from safetensors.torch import save_file
from torch import Tensor

LENGTH = 24
COLUMNS = 288
"""Of the head; the tokenizer has 259 tokens, the mask is 2."""
MASK_ID = 2
SPECIAL = ["<|startoftext|>", "<|endoftext|>", "<|mask|>"]
LLADA: dict[str, Any] = {
    "model_type": "llada", "architectures": ["LLaDAModelLM"],
    "auto_map": {"AutoModel": "modeling_llada.LLaDAModelLM"},
    "d_model": 32, "n_heads": 4, "n_kv_heads": 4, "n_layers": 2, "mlp_hidden_size": 48,
    "mlp_ratio": 4, "activation_type": "silu", "block_type": "llama", "block_group_size": 1,
    "alibi": False, "rope": True, "rope_theta": 500000.0, "max_sequence_length": LENGTH,
    "layer_norm_type": "rms", "layer_norm_with_affine": True, "rms_norm_eps": 1e-5,
    "attention_layer_norm": False, "input_emb_norm": False, "scale_logits": False,
    "include_bias": False, "include_qkv_bias": False, "bias_for_layer_norm": False,
    "multi_query_attention": None, "weight_tying": False,
    "vocab_size": COLUMNS, "embedding_size": COLUMNS, "mask_token_id": MASK_ID,
    "eos_token_id": 1,
}  # fmt: skip
DREAM: dict[str, Any] = {
    "model_type": "Dream", "architectures": ["DreamModel"],
    "auto_map": {"AutoModel": "modeling_dream.DreamModel"},
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1e6,
    "rope_scaling": None, "max_position_embeddings": LENGTH, "tie_word_embeddings": False,
    "use_sliding_window": False, "vocab_size": COLUMNS, "mask_token_id": MASK_ID,
}  # fmt: skip
A2D_QWEN3: dict[str, Any] = {
    **{key: value for key, value in DREAM.items() if key not in ("auto_map", "mask_token_id")},
    "model_type": "a2d-qwen3", "architectures": ["A2DQwen3LMHeadModel"], "head_dim": 16,
    "attention_bias": False,
}  # fmt: skip


@dataclass
class Published:
    """``config`` and ``tensors`` of a directory."""

    config: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def write(self, directory: Path, shards: int = 1, *, pickled: bool = False) -> Path:
        """Write ``directory`` as ``save_pretrained`` does, with a tokenizer, and code that must not
        run."""
        names = {"mask_token": SPECIAL[2], "bos_token": SPECIAL[0], "eos_token": SPECIAL[1]}
        byte_level(directory, SPECIAL, names)
        (directory / "config.json").write_text(json.dumps(self.config))
        for code in ("modeling_llada.py", "modeling_dream.py"):
            (directory / code).write_text("raise SystemExit('it was executed')\n")
        stem, suffix = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
        save: Callable[..., object] = torch.save if pickled else save_file
        if shards == 1:
            save(self.tensors, directory / f"{stem}.{suffix}")
            return directory
        weight_map = {
            name: f"{stem}-{index * shards // len(self.tensors) + 1:05}-of-{shards:05}.{suffix}"
            for index, name in enumerate(self.tensors)
        }
        for shard in set(weight_map.values()):
            part = {name: self.tensors[name] for name, at in weight_map.items() if at == shard}
            save(part, directory / shard)
        index = {"metadata": {}, "weight_map": weight_map}
        (directory / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
        return directory


def llada(**changes: object) -> Published:
    """A LLaDA with random weights, of the config with these changes."""
    config = LLADA | changes
    dim, heads, mlp = config["d_model"], config["n_heads"], config["mlp_hidden_size"]
    keys = dim // heads * (config["n_kv_heads"] or heads)
    bias = config["include_bias"]
    made = Published(config)

    def linear(name: str, outputs: int, inputs: int, with_bias: bool) -> None:
        made.tensors[f"{name}.weight"] = torch.randn(outputs, inputs) / math.sqrt(inputs)
        if with_bias:
            made.tensors[f"{name}.bias"] = torch.randn(outputs)

    def norm(name: str) -> None:
        made.tensors[f"{name}.weight"] = 1 + torch.randn(dim) / 4

    root = "model.transformer"
    made.tensors[f"{root}.wte.weight"] = torch.randn(config["embedding_size"], dim)
    norm(f"{root}.ln_f")
    for index in range(config["n_layers"]):
        block = f"{root}.blocks.{index}"
        norm(f"{block}.attn_norm")
        norm(f"{block}.ff_norm")
        for name, outputs in (("q_proj", dim), ("k_proj", keys), ("v_proj", keys)):
            linear(f"{block}.{name}", outputs, dim, bias or config["include_qkv_bias"])
        linear(f"{block}.attn_out", dim, dim, bias)
        linear(f"{block}.ff_proj", mlp, dim, bias)
        linear(f"{block}.up_proj", mlp, dim, bias)
        linear(f"{block}.ff_out", dim, mlp, bias)
    if not config["weight_tying"]:
        linear(f"{root}.ff_out", config["embedding_size"], dim, bias)
    return made
