"""Bidirectional self-attention over packed queries, keys and values, and the choice of its kernel.

The original calls flash-attention's variable-length kernel and so runs on a GPU only. Here
PyTorch's ``scaled_dot_product_attention`` stands in wherever that kernel is not installed or cannot
run; both compute softmax(q k^T / sqrt(D)) v without a mask.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Attention = Callable[[Tensor], Tensor]
"""``qkv [B, L, 3, H, D] -> [B, L, H * D]``, rotary positions already applied."""

AttentionName = Literal["flash-attn", "sdpa"]


def sdpa(qkv: Tensor) -> Tensor:
    """Attention by ``torch.nn.functional.scaled_dot_product_attention``; any device, any float
    type."""
    q, k, v = (part.transpose(1, 2) for part in qkv.unbind(dim=2))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(start_dim=2)


def flash_attention(kernel: Callable[..., Tensor]) -> Attention:
    """Attention by ``flash_attn_varlen_qkvpacked_func``, each sample one sequence of the packed
    batch."""

    def attend(qkv: Tensor) -> Tensor:
        batch, length = qkv.shape[0], qkv.shape[1]
        ends = torch.arange(batch + 1, dtype=torch.int32, device=qkv.device) * length
        out = kernel(qkv.flatten(0, 1), ends, length, 0.0, causal=False)
        return out.view(batch, length, -1)

    return attend


def select_attention(device: torch.device, dtype: torch.dtype) -> tuple[AttentionName, Attention]:
    """The fastest kernel that can run: flash-attention on CUDA in half precision, else SDPA."""
    if device.type == "cuda" and dtype in (torch.bfloat16, torch.float16):
        try:
            kernel = importlib.import_module("flash_attn").flash_attn_varlen_qkvpacked_func
        except ImportError:
            # Not installed, or built for another PyTorch: SDPA computes the same thing.
            return "sdpa", sdpa
        return "flash-attn", flash_attention(kernel)
    return "sdpa", sdpa
