"""This entry runs Dream (arXiv 2508.15487) and models of its type, DiffuCoder among them.

They have Qwen2's shape, with biases on queries, keys and values. What was trained to predict the
next token goes on doing so: ``diffusion_generate`` takes position i's distribution from the row at
i - 1 (``cat([logits[:, :1], logits[:, :-1]], dim=1)``), so the first position has its own row.
"""

from __future__ import annotations

from remdm_backend.checkpoint.architecture import PublishedTrunk
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.checkpoint.trunk_config import LLAMA_NAMES, llama_shape
from remdm_backend.model.transformer import TransformerShape


def dream_shape(config: JsonObject) -> TransformerShape:
    """Read the shape. Raises ``BackendError``."""
    return llama_shape(config, qkv_bias=True, shifted=True)


DREAM = PublishedTrunk(
    name="dream",
    model_types=("Dream",),
    architectures=("DreamModel",),
    shape=dream_shape,
    names=LLAMA_NAMES,
    length_key="max_position_embeddings",
    tied_key="tie_word_embeddings",
)
