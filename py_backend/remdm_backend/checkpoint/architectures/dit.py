"""This entry runs the diffusion transformer of MDLM, SEDD and D3PM (``model/dit.py``)."""

from __future__ import annotations

import torch
from torch import nn

from remdm_backend.checkpoint.architecture import OwnNetwork
from remdm_backend.model.attention import select_attention
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import DiT
from remdm_backend.model.network import MaskedNetwork


def _run(
    backbone: nn.Module, card: ModelCard, device: torch.device, dtype: torch.dtype
) -> MaskedNetwork:
    assert isinstance(backbone, DiT)
    attention, backbone.attend = select_attention(device, dtype)
    return MaskedNetwork(card, backbone, device=device, dtype=dtype, attention=attention)


DIT = OwnNetwork(
    name="dit",
    kinds=("mdlm", "sedd", "d3pm"),
    noise_embedding="sigma_map.mlp.2.weight",
    build=DiT,
    run=_run,
)
