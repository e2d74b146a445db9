"""Tiny networks in the published formats of LLaDA, Dream and the A2D models, with random weights,
and what the published code would make of them.

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
import torch.nn.functional as F
import transformers
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


def published_llada(made: Published, x: Tensor) -> Tensor:
    """LLaDA's forward, plainly: ``LLaDAModel.forward`` of modeling_llada.py."""
    config, tensors = made.config, made.tensors
    heads, width = config["n_heads"], config["d_model"] // config["n_heads"]
    groups = heads // (config["n_kv_heads"] or heads)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))

    def norm(x: Tensor, name: str) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"])
        return x * scale * tensors[f"{name}.weight"]

    def rotated(t: Tensor) -> Tensor:
        exponents = torch.arange(0, width, 2).float() / width
        angles = torch.outer(torch.arange(t.shape[-2]).float(), config["rope_theta"] ** -exponents)
        both = torch.cat((angles, angles), dim=-1)
        first, second = t.chunk(2, dim=-1)
        return t * both.cos() + torch.cat((-second, first), dim=-1) * both.sin()

    def split(t: Tensor) -> Tensor:
        return t.unflatten(-1, (-1, width)).transpose(1, 2)

    root = "model.transformer"
    h = tensors[f"{root}.wte.weight"][x]
    for index in range(config["n_layers"]):
        block = f"{root}.blocks.{index}"
        a = norm(h, f"{block}.attn_norm")
        q, k, v = (split(linear(a, f"{block}.{part}_proj")) for part in "qkv")
        k, v = (part.repeat_interleave(groups, dim=1) for part in (k, v))
        scores = rotated(q) @ rotated(k).transpose(-1, -2) / width**0.5
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        h = h + linear(mixed, f"{block}.attn_out")
        m = norm(h, f"{block}.ff_norm")
        gated = F.silu(linear(m, f"{block}.ff_proj")) * linear(m, f"{block}.up_proj")
        h = h + linear(gated, f"{block}.ff_out")
    head = f"{root}.wte" if config["weight_tying"] else f"{root}.ff_out"
    return linear(norm(h, f"{root}.ln_f"), head)


FAMILIES = {
    "Llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "Qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    "Qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
}


def of_library(family: str, **settings: Any) -> tuple[Published, transformers.PreTrainedModel]:  # noqa: ANN401
    """A model of transformers with random weights, and its directory as an A2D model."""
    make_config, make = FAMILIES[family]
    own = {key: value for key, value in A2D_QWEN3.items() if key not in
           ("model_type", "architectures", "rope_theta", "rope_scaling", "head_dim")}  # fmt: skip
    rope = settings.pop("rope", {"rope_type": "default", "rope_theta": 1e4})
    config = make_config(**(own | settings), rope_parameters=rope)
    model = make(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.5 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5
            parameter.copy_(torch.randn_like(parameter) * scale + ("norm" in name))
    tensors = {name: part.clone() for name, part in model.state_dict().items()}
    if config.tie_word_embeddings:
        del tensors["lm_head.weight"]  # as save_pretrained leaves it out
    saved = config.to_diff_dict() | {
        "model_type": f"a2d-{family.lower()}", "architectures": [f"A2D{family}LMHeadModel"],
    }  # fmt: skip
    return Published(saved, tensors), model


def everything_seen(model: transformers.PreTrainedModel, x: Tensor) -> Tensor:
    """The library's logits with a mask under which every position sees all."""
    with torch.no_grad():
        mask = torch.zeros(len(x), 1, x.shape[1], x.shape[1])
        logits: Tensor = model(input_ids=x, attention_mask=mask).logits
    return logits


def one_before(logits: Tensor) -> Tensor:
    """Dream's: position i is predicted by the row at i - 1, and the first by its own."""
    return torch.cat([logits[:, :1], logits[:, :-1]], dim=1)
