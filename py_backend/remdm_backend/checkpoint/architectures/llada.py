"""This entry runs LLaDA (arXiv 2502.09992): 8B Base and Instruct, 1.5, and models made like them.

Its config has OLMo's keys. Its mask lies inside the vocabulary (``mask_token_id``: 126336; other
releases have another), and its vocabulary is padded beyond the tokenizer. What OLMo's code can do
besides, no release of LLaDA does, and it is refused by name.
"""

from __future__ import annotations

from remdm_backend.checkpoint.architecture import PublishedTrunk
from remdm_backend.checkpoint.contents import invalid
from remdm_backend.checkpoint.huggingface_config import MAX_COUNT
from remdm_backend.checkpoint.huggingface_files import FIX, JsonObject
from remdm_backend.checkpoint.trunk_config import (
    BELOW,
    divided,
    even_head,
    head_counts,
    require,
    rope_of,
    size,
)
from remdm_backend.model.transformer import TransformerShape

SETTINGS = {
    "activation_type": "silu",
    "alibi": False,
    "attention_layer_norm": False,
    "bias_for_layer_norm": False,
    "block_group_size": 1,
    "block_type": "llama",
    "input_emb_norm": False,
    "layer_norm_type": "rms",
    "layer_norm_with_affine": True,
    "multi_query_attention": False,
    "rope": True,
    "scale_logits": False,
}


def llada_shape(config: JsonObject) -> TransformerShape:
    """Read the shape. Raises ``BackendError``."""
    require(config, SETTINGS)
    n_heads, n_kv_heads = head_counts(config, "n_heads", "n_kv_heads")
    hidden = size(config, "d_model")
    ratio = config.integer("mlp_ratio", least=1, below=MAX_COUNT, absent=4)
    bias = config.flag("include_bias")
    if bias and config.fields.get("bias_for_layer_norm") is None:
        # OLMo's default: norms have biases where linear layers have.
        require(config, {"include_bias": False})
    tokens = config.integer("vocab_size", least=2, below=BELOW)
    columns = config.integer("embedding_size", least=2, below=BELOW, absent=tokens)
    if columns < tokens:
        raise invalid(config.path, f"embedding_size is {columns}, below vocab_size, {tokens}", FIX)
    return TransformerShape(
        vocab_size=columns,
        hidden_size=hidden,
        n_blocks=size(config, "n_layers", MAX_COUNT + 1),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=even_head(config, divided(config, hidden, n_heads)),
        mlp_size=config.integer("mlp_hidden_size", least=1, below=BELOW, absent=ratio * hidden),
        norm_eps=config.positive("rms_norm_eps", absent=1e-5),
        rope=rope_of(config),
        qkv_bias=bias or config.flag("include_qkv_bias"),
        out_bias=bias,
        mlp_bias=bias,
        head_bias=bias,
    )


LLADA = PublishedTrunk(
    name="llada",
    model_types=("llada",),
    architectures=("LLaDAModelLM",),
    shape=llada_shape,
    names={
        "embedding": "model.transformer.wte",
        "blocks": "model.transformer.blocks",
        "attention_norm": "attn_norm",
        "query": "q_proj",
        "key": "k_proj",
        "value": "v_proj",
        "attention_out": "attn_out",
        "mlp_norm": "ff_norm",
        "gate": "ff_proj",
        "up": "up_proj",
        "down": "ff_out",
        "final_norm": "model.transformer.ln_f",
        "output": "model.transformer.ff_out",
    },
    length_key="max_sequence_length",
    tied_key="weight_tying",
)
