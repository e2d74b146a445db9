"""This module opens a checkpoint as a judge.

A judge is a causal language model of transformers, or an autoregressive model of the original's
kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from remdm_backend.checkpoint.contents import unreadable, unsupported
from remdm_backend.checkpoint.huggingface_files import is_huggingface
from remdm_backend.checkpoint.load import load_network
from remdm_backend.host.devices import find_device
from remdm_backend.judging.huggingface import load_causal_lm
from remdm_backend.judging.judge import AutoregressiveJudge, Judge
from remdm_backend.model.autoregressive import Autoregressive


def load_judge(
    path: str | Path,
    *,
    device: str = "auto",
    dtype: Literal["float32", "bfloat16"] = "float32",
    raw_weights: bool = False,
) -> Judge:
    """Load a judge with the arguments of ``load_network``, and raise what that raises.

    A model that predicts no next token raises ``checkpoint_unsupported``.
    """
    path = Path(path).expanduser()
    if is_huggingface(path):
        try:
            return load_causal_lm(path, find_device(device), getattr(torch, dtype))
        except OSError as error:
            raise unreadable(path, error) from error
    network = load_network(path, device=device, dtype=dtype, raw_weights=raw_weights)
    backbone = network.backbone
    if not isinstance(backbone, Autoregressive):
        raise unsupported(
            path,
            f"a {network.card.kind} model cannot judge texts",
            "Give an autoregressive model: `demo-ar`, one of kind ar, or a causal language model "
            "of Hugging Face such as GPT-2.",
        )
    return AutoregressiveJudge(
        network.card,
        backbone,
        device=network.device,
        dtype=network.dtype,
        attention=network.attention,
    )
