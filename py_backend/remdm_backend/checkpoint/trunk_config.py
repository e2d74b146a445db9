"""This module reads what the configs of the transformers that run here have in common.

Llama, Qwen2, Qwen3 and Dream have the same keys. A setting that is not built here is refused by
name, never passed over: the network would compute something else without a word.
"""

from __future__ import annotations

from collections.abc import Mapping

from remdm_backend.checkpoint.contents import invalid, unsupported
from remdm_backend.checkpoint.huggingface_config import MAX_COUNT
from remdm_backend.checkpoint.huggingface_files import FIX, JsonObject
from remdm_backend.model.rotary import Llama3Scaling, Rope
from remdm_backend.model.transformer import TransformerShape

BELOW = 1 << 24
"""The bound of every size in a config; LLaDA 8B has 126,464 tokens and MLPs of 12,288."""
MAX_HEAD = 4096
ROPE_TYPES = ("default", "linear", "llama3")
ROPE_KEYS = frozenset({"rope_type", "type", "rope_theta", "factor", "partial_rotary_factor",
                       "low_freq_factor", "high_freq_factor",
                       "original_max_position_embeddings"})  # fmt: skip
LLAMA_NAMES: Mapping[str, str] = {
    "embedding": "model.embed_tokens",
    "blocks": "model.layers",
    "attention_norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "query_norm": "self_attn.q_norm",
    "key_norm": "self_attn.k_norm",
    "attention_out": "self_attn.o_proj",
    "mlp_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
    "final_norm": "model.norm",
    "output": "lm_head",
}


def llama_shape(
    config: JsonObject,
    *,
    qkv_bias: bool,
    out_bias: bool = False,
    mlp_bias: bool = False,
    head_norms: bool = False,
    shifted: bool = False,
) -> TransformerShape:
    """Read the shape from a config with Llama's keys; its biases depend on the family.

    Raises ``BackendError``.
    """
    require(config, {"hidden_act": "silu", "use_sliding_window": False})
    n_heads, n_kv_heads = head_counts(config, "num_attention_heads", "num_key_value_heads")
    hidden = size(config, "hidden_size")
    stated = config.integer("head_dim", least=1, below=BELOW, absent=0)
    return TransformerShape(
        vocab_size=config.integer("vocab_size", least=2, below=BELOW),
        hidden_size=hidden,
        n_blocks=size(config, "num_hidden_layers", MAX_COUNT + 1),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=even_head(config, stated or divided(config, hidden, n_heads)),
        mlp_size=size(config, "intermediate_size"),
        norm_eps=config.positive("rms_norm_eps", absent=1e-6),
        rope=rope_of(config),
        qkv_bias=qkv_bias,
        out_bias=out_bias,
        mlp_bias=mlp_bias,
        head_norms=head_norms,
        shifted=shifted,
    )


def require(config: JsonObject, values: Mapping[str, object]) -> None:
    """Refuse settings with other values than the ones that are built here; a setting that is
    missing or null is taken to have its value. Raises ``BackendError`` ``checkpoint_unsupported``.
    """
    for key, value in values.items():
        found = config.fields.get(key)
        if found is not None and (found != value or type(found) is not type(value)):
            raise unsupported(
                config.path,
                f"its {config.place}{key} is {found!r:.40}, and remdm runs such models with "
                f"{value!r} alone",
                f"Give a model whose {key} is {value!r}.",
            )


def size(config: JsonObject, key: str, below: int = BELOW) -> int:
    return config.integer(key, least=1, below=below)


def head_counts(config: JsonObject, heads: str, kv_heads: str) -> tuple[int, int]:
    """Return the numbers of heads, and of heads of keys and values. Raises ``BackendError``."""
    n_heads = size(config, heads, MAX_COUNT + 1)
    n_kv_heads = config.integer(kv_heads, least=1, below=MAX_COUNT + 1, absent=n_heads)
    if n_heads % n_kv_heads:
        raise invalid(
            config.path, f"{heads} is {n_heads}, not a multiple of {kv_heads}, {n_kv_heads}", FIX
        )
    return n_heads, n_kv_heads


def divided(config: JsonObject, hidden: int, n_heads: int) -> int:
    """Return the size of a head. Raises ``BackendError``."""
    if hidden % n_heads:
        raise invalid(
            config.path, f"a width of {hidden} cannot be divided into {n_heads} heads", FIX
        )
    return hidden // n_heads


def even_head(config: JsonObject, head_dim: int) -> int:
    """Return ``head_dim``, if rotary positions can turn it in halves. Raises ``BackendError``."""
    if head_dim % 2 or head_dim > MAX_HEAD:
        raise invalid(
            config.path,
            f"a head has {head_dim} numbers, which has to be even and at most {MAX_HEAD:,}",
            FIX,
        )
    return head_dim


def rope_of(config: JsonObject) -> Rope:
    """Read the rotary settings under the keys of any version of transformers.

    ``rope_theta`` stands by itself or, since version 5, in ``rope_parameters``; what stretches the
    positions is in there or in ``rope_scaling``, with ``rope_type`` or, older, ``type``. Raises
    ``BackendError``.
    """
    path = config.path
    alone = config.positive("rope_theta", absent=10_000.0)
    key = "rope_scaling" if config.fields.get("rope_parameters") is None else "rope_parameters"
    if config.fields.get(key) is None:
        return Rope(alone)
    rope = config.within(key)
    unknown = sorted(rope.fields.keys() - ROPE_KEYS)
    rope_type = rope.fields.get("rope_type", rope.fields.get("type", "default"))
    if rope_type not in ROPE_TYPES:
        raise unsupported(
            path,
            f"its {key} has the type {rope_type!r:.40}, and remdm has {', '.join(ROPE_TYPES)}",
            "Give a model whose rotary positions are of one of these types.",
        )
    if unknown:
        raise unsupported(
            path,
            f"its {key} has {unknown[0]!r:.40}, a setting that remdm does not know",
            "Give a model whose rotary positions do without it.",
        )
    require(rope, {"partial_rotary_factor": 1.0})
    theta = rope.positive("rope_theta", absent=alone)
    if config.fields.get("rope_theta") is not None and theta != alone:
        raise invalid(path, f"rope_theta is {alone:g}, and {theta:g} in {key}", FIX)
    if rope_type == "default":
        return Rope(theta)
    if rope_type == "linear":
        return Rope(theta, factor=rope.positive("factor"))
    return Rope(theta, llama3=_llama3(rope))


def _llama3(rope: JsonObject) -> Llama3Scaling:
    low, high = (rope.positive(f"{end}_freq_factor") for end in ("low", "high"))
    if low >= high:
        raise invalid(rope.path, f"low_freq_factor is {low:g}, not below {high:g}", FIX)
    original = size(rope, "original_max_position_embeddings")
    return Llama3Scaling(rope.positive("factor"), low, high, original)


def check_architectures(config: JsonObject, known: tuple[str, ...]) -> None:
    """Refuse a config that names a class of another network. Raises ``BackendError``."""
    named = config.fields.get("architectures")
    if named is None or (isinstance(named, list) and any(name in known for name in named)):
        return
    raise unsupported(
        config.path,
        f"its architectures is {named!r:.80}, and of the model type "
        f"{config.text('model_type')!r} remdm runs {', '.join(known)}; code that comes with a "
        "model would have to be executed, and remdm never does that",
        "Give a model of one of these.",
    )
