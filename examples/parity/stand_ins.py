"""Modules that the original imports and that this machine may lack.

The flash-attention kernels are computed with PyTorch's own attention. What only training, data and
the mamba backbone need is a name and nothing more: to use it is an error that says so.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor


@contextmanager
def in_place(device: str) -> Iterator[list[str]]:
    """Has what is missing in ``sys.modules`` while the original is imported; yields the names.

    An installed package is left alone, but for flash-attention on a CPU, where it has no kernels.
    """
    missing = [
        package
        for package in STAND_INS
        if importlib.util.find_spec(package) is None
        or (package == "flash_attn" and device == "cpu")
    ]
    modules = {each.__name__: each for package in missing for each in STAND_INS[package]()}
    hidden = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield missing
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(hidden)


def apply_rotary_emb_qkv_(qkv: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates queries and keys in place, halves not interleaved; values stay.

    ``qkv [B, S, 3, H, D]``, ``cos, sin [S, R / 2]``: the first R of the D columns are rotated.
    """
    half = cos.shape[-1]
    cos, sin = cos[:, None, None], sin[:, None, None]
    first, second = qkv[:, :, :2, :, :half], qkv[:, :, :2, :, half : 2 * half]
    rotated = (first * cos - second * sin, first * sin + second * cos)
    qkv[:, :, :2, :, : 2 * half] = torch.cat(rotated, dim=-1)
    return qkv


def flash_attn_varlen_qkvpacked_func(
    qkv: Tensor,
    cu_seqlens: Tensor,
    max_seqlen: int,
    dropout_p: float = 0.0,
    causal: bool = False,
) -> Tensor:
    """Attention within each of the packed sequences; ``qkv [total, 3, H, D]`` -> ``[total, H, D]``.

    The original packs sequences of one length only, and so must the caller.
    """
    batch = cu_seqlens.numel() - 1
    if qkv.shape[0] != batch * max_seqlen:
        raise ValueError(f"{qkv.shape[0]} rows are not {batch} sequences of {max_seqlen} each")
    # [B, S, 3, H, D] -> three of [B, H, S, D]
    query, key, value = qkv.view(batch, max_seqlen, *qkv.shape[1:]).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout_p, is_causal=causal)
    return out.transpose(1, 2).flatten(0, 1)


def _module(name: str, **attributes: object) -> ModuleType:
    """A package, so that what is below it can be imported too."""
    module = importlib.util.module_from_spec(ModuleSpec(name, None, is_package=True))
    module.__dict__.update(attributes)
    return module


def _flash_attn() -> list[ModuleType]:
    rotary = _module("flash_attn.layers.rotary", apply_rotary_emb_qkv_=apply_rotary_emb_qkv_)
    layers = _module("flash_attn.layers", rotary=rotary)
    interface = _module(
        "flash_attn.flash_attn_interface",
        flash_attn_varlen_qkvpacked_func=flash_attn_varlen_qkvpacked_func,
    )
    root = _module("flash_attn", layers=layers, flash_attn_interface=interface)
    return [root, layers, rotary, interface]


def _names(modules: dict[str, tuple[str, ...]]) -> Callable[[], list[ModuleType]]:
    """Modules whose attributes can be imported and not used."""
    return lambda: [
        _module(name, **{each: _unusable(name, each) for each in attributes})
        for name, attributes in modules.items()
    ]


def _unusable(module: str, name: str) -> type:
    def refuse(self: object, *_: object, **__: object) -> None:
        raise NotImplementedError(f"{module}.{name} is a stand-in: install {module} to use it")

    return type(name, (), {"__init__": refuse, "__module__": module})


STAND_INS: dict[str, Callable[[], list[ModuleType]]] = {
    "flash_attn": _flash_attn,
    "causal_conv1d": _names({"causal_conv1d": ("causal_conv1d_fn", "causal_conv1d_update")}),
    "mamba_ssm": _names(
        {
            "mamba_ssm": (),
            "mamba_ssm.ops": (),
            "mamba_ssm.ops.selective_scan_interface": ("mamba_inner_fn", "selective_scan_fn"),
            "mamba_ssm.ops.triton": (),
            "mamba_ssm.ops.triton.selective_state_update": ("selective_state_update",),
        }
    ),
    "timm": _names({"timm": (), "timm.scheduler": ("CosineLRScheduler",)}),
    "datasets": _names({"datasets": ()}),
    "requests": _names({"requests": ()}),
}
