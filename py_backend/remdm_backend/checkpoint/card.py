"""What is known of a model without running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["mdlm", "sedd", "d3pm", "ar"]
Weights = Literal["ema", "raw"]
Format = Literal["lightning", "safetensors", "huggingface"]
Architecture = Literal["dit", "ar", "huggingface"]


@dataclass(frozen=True)
class ModelCard:
    """``kind`` is the parameterization (subs is mdlm); ``vocab_size`` includes the mask,
    ``mask_id``; ``length`` is the longest sequence; ``parameters`` counts single numbers;
    ``subs_masking`` says whether the mask has no probability in a ``d3pm`` model; ``architecture``
    is the network's; ``weights`` says whether the moving average or the last step's weights were
    loaded; ``name`` is the file's or directory's."""

    kind: Kind
    vocab_size: int
    mask_id: int
    length: int
    time_conditioning: bool
    hidden_size: int
    n_blocks: int
    n_heads: int
    cond_dim: int
    parameters: int
    weights: Weights
    name: str
    format: Format
    architecture: Architecture = "dit"
    subs_masking: bool = False
