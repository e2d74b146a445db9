"""These entries run the A2D models of ZHZisZZ/dllm (``pipelines/a2d``): Llama, Qwen2 and Qwen3
without their causal mask.

They were trained with ``right_shift_logits=False``: position i is predicted by its own row. Their
configs name no mask; the tokenizer's settings do (``<|mask|>``). A model that was trained in blocks
(BD3LM) has the same config as one that was not, and is run with full attention here.
"""

from __future__ import annotations

from collections.abc import Callable

from remdm_backend.checkpoint.architecture import PublishedTrunk
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.checkpoint.trunk_config import LLAMA_NAMES, llama_shape
from remdm_backend.model.transformer import TransformerShape


def a2d_llama_shape(config: JsonObject) -> TransformerShape:
    """Read the shape. Raises ``BackendError``."""
    bias = config.flag("attention_bias")
    return llama_shape(config, qkv_bias=bias, out_bias=bias, mlp_bias=config.flag("mlp_bias"))


def a2d_qwen2_shape(config: JsonObject) -> TransformerShape:
    """Read the shape. Raises ``BackendError``."""
    return llama_shape(config, qkv_bias=True)


def a2d_qwen3_shape(config: JsonObject) -> TransformerShape:
    """Read the shape. Raises ``BackendError``."""
    bias = config.flag("attention_bias")
    return llama_shape(config, qkv_bias=bias, out_bias=bias, head_norms=True)


def _entry(family: str, shape: Callable[[JsonObject], TransformerShape]) -> PublishedTrunk:
    return PublishedTrunk(
        name="a2d",
        model_types=(f"a2d-{family.lower()}",),
        architectures=(f"A2D{family}LMHeadModel",),
        shape=shape,
        names=LLAMA_NAMES,
        length_key="max_position_embeddings",
        tied_key="tie_word_embeddings",
    )


A2D_LLAMA = _entry("Llama", a2d_llama_shape)
A2D_QWEN2 = _entry("Qwen2", a2d_qwen2_shape)
A2D_QWEN3 = _entry("Qwen3", a2d_qwen3_shape)
