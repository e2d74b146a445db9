"""This module defines the model card: what is known of a model without running it.

It is the only definition in Python. The reply to ``hello`` is made from it (``wire_record``), and
``tests/test_card.py`` holds that record against ``schemas/reply.json``. The few facts that a
checkpoint's ``card.json`` states beside its tensors are in ``checkpoint/card_file.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Kind = Literal["mdlm", "sedd", "d3pm", "ar"]
Weights = Literal["ema", "raw"]
Format = Literal["lightning", "safetensors", "huggingface"]
ArchitectureName = Literal["dit", "ar", "huggingface", "llada", "dream", "a2d", "bd3lm"]

LONGEST_TEXT = 1 << 20
"""Tokens of the longest sequence that a network of blocks takes, which has no bound of its own."""


@dataclass(frozen=True)
class ModelCard:
    """``kind`` is the parameterization (subs is mdlm); ``vocab_size`` includes the mask,
    ``mask_id``; ``length`` is the longest sequence; ``parameters`` counts single numbers;
    ``subs_masking`` says whether the mask has no probability in a ``d3pm`` model; ``architecture``
    is the network's; ``weights`` says whether the moving average or the last step's weights were
    loaded; ``name`` is the file's or directory's; ``block_length`` is set for a network that is
    causal over blocks of so many tokens (BD3-LM): a block sees ``length`` tokens, itself and what
    stands left of it, and texts may be longer."""

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
    architecture: ArchitectureName = "dit"
    subs_masking: bool = False
    block_length: int | None = None

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence that the network takes."""
        return self.length if self.block_length is None else LONGEST_TEXT


NOT_ON_THE_WIRE = frozenset({"cond_dim"})


def wire_record(card: ModelCard) -> dict[str, object]:
    """Return ``card`` as the protocol has it (``ModelCard`` of ``src/backend/wire/protocol.ts``):
    ``n_blocks`` is ``blocks`` there, ``vocab_size`` is ``vocabSize``; what is ``None`` is left
    out."""
    record = {
        _wire_name(field.name): getattr(card, field.name)
        for field in fields(card)
        if field.name not in NOT_ON_THE_WIRE
    }
    return {name: value for name, value in record.items() if value is not None}


def _wire_name(name: str) -> str:
    first, *rest = name.removeprefix("n_").split("_")
    return first + "".join(part.capitalize() for part in rest)
