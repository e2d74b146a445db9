"""This entry runs the autoregressive baseline of MDLM and ReMDM (``model/autoregressive.py``)."""

from __future__ import annotations

import torch
from torch import nn

from remdm_backend.checkpoint.architecture import OwnNetwork
from remdm_backend.model.attention import select_causal_attention
from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.card import ModelCard
from remdm_backend.model.network import CausalNetwork


def _run(
    backbone: nn.Module, card: ModelCard, device: torch.device, dtype: torch.dtype
) -> CausalNetwork:
    assert isinstance(backbone, Autoregressive)
    attention, backbone.attend = select_causal_attention(device, dtype)
    return CausalNetwork(card, backbone, device=device, dtype=dtype, attention=attention)


AUTOREGRESSIVE = OwnNetwork(
    name="ar", kinds=("ar",), noise_embedding=None, build=Autoregressive, run=_run
)
