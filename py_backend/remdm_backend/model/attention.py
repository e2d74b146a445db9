"""This module computes self-attention, and chooses the kernel for it.

It is bidirectional over queries, keys and values in one tensor, or causal over a KV cache. The
original calls flash-attention's variable-length kernel and so runs on a GPU only. Here PyTorch's
``scaled_dot_product_attention`` stands in wherever flash-attention is not installed or cannot run;
both compute softmax(q k^T / sqrt(D)) v.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from remdm_backend.model.packing import Packed


class Attention(Protocol):
    """``qkv [B, L, 3, H, D] -> [B, L, H * D]``, rotary positions already applied; or, each token
    among those of its own sequence, ``[T, 3, H, D] -> [T, H * D]``."""

    def __call__(self, qkv: Tensor, packed: Packed | None = None) -> Tensor: ...


CausalAttention = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``queries [B, H, l, D]``, ``keys`` and ``values [B, H, n, D] -> [B, H, l, D]``: the queries are
the ones of the last l of n positions, and no position sees what comes after it."""

AttentionName = Literal["flash-attn", "sdpa"]


def sdpa(qkv: Tensor, packed: Packed | None = None) -> Tensor:
    """Attend by ``torch.nn.functional.scaled_dot_product_attention``; any device, any float type.

    There is one call for equally long neighbours.
    """
    if packed is not None:
        return torch.cat([sdpa(group).flatten(0, 1) for group in packed.neighbours(qkv)])
    q, k, v = (part.transpose(1, 2) for part in qkv.unbind(dim=2))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(start_dim=2)


def flash_attention(kernel: Callable[..., Tensor]) -> Attention:
    """Attend by ``flash_attn_varlen_qkvpacked_func``: one call, whatever the lengths."""

    def attend(qkv: Tensor, packed: Packed | None = None) -> Tensor:
        if packed is not None:
            return kernel(qkv, packed.ends, packed.longest, 0.0, causal=False).flatten(1)
        batch, length = qkv.shape[0], qkv.shape[1]
        ends = torch.arange(batch + 1, dtype=torch.int32, device=qkv.device) * length
        out = kernel(qkv.flatten(0, 1), ends, length, 0.0, causal=False)
        return out.view(batch, length, -1)

    return attend


def select_attention(device: torch.device, dtype: torch.dtype) -> tuple[AttentionName, Attention]:
    """Choose the fastest kernel that can run: flash-attention on CUDA in half precision, else
    SDPA."""
    kernel = _flash_kernel("flash_attn_varlen_qkvpacked_func", device, dtype)
    return ("sdpa", sdpa) if kernel is None else ("flash-attn", flash_attention(kernel))


def causal_sdpa(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend by ``scaled_dot_product_attention``, with a mask only where its kernels need one."""
    count, known = queries.shape[2], keys.shape[2]
    if count == known:
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    if count == 1:  # the last position sees all
        return F.scaled_dot_product_attention(queries, keys, values)
    everything = torch.ones(count, known, dtype=torch.bool, device=queries.device)
    mask = everything.tril(diagonal=known - count)
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)


def causal_flash_attention(kernel: Callable[..., Tensor]) -> CausalAttention:
    """Attend by ``flash_attn_func``, whose causal mask ends at the last query and the last key
    (since version 2.1)."""

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        q, k, v = (part.transpose(1, 2) for part in (queries, keys, values))
        return kernel(q, k, v, causal=True).transpose(1, 2)

    return attend


def select_causal_attention(
    device: torch.device, dtype: torch.dtype
) -> tuple[AttentionName, CausalAttention]:
    """Choose as ``select_attention`` does, for an autoregressive network."""
    kernel = _flash_kernel("flash_attn_func", device, dtype)
    if kernel is None:
        return "sdpa", causal_sdpa
    return "flash-attn", causal_flash_attention(kernel)


def _flash_kernel(
    name: str, device: torch.device, dtype: torch.dtype
) -> Callable[..., Tensor] | None:
    """A function of flash-attention, if it is installed and can run here."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return None
    try:
        kernel: Callable[..., Tensor] = getattr(importlib.import_module("flash_attn"), name)
    except ImportError:
        # Not installed, or built for another PyTorch: SDPA computes the same thing.
        return None
    return kernel
