"""This entry runs BD3-LM as it is published (``kuleshov-group/bd3lm-owt-block_size4``, ``8``,
``16``).

Its ``config.json`` has the model type ``bd3lm`` and names code of its own (``auto_map``), which is
not looked at; ``BD3LMConfig`` of its repository says what the settings mean and what a missing one
is. What was released is the moving average of the weights. ``attn_backend`` chooses a kernel, and
``var_min`` is about training: neither changes what the network computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.architecture import OwnNetwork, PublishedTensors, shape_of
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.checkpoint.huggingface_config import MAX_COUNT, MAX_LENGTH
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    FIX,
    JsonObject,
    directory_of,
)
from remdm_backend.checkpoint.network_names import network_names
from remdm_backend.checkpoint.published_weights import PublishedWeights
from remdm_backend.checkpoint.trunk_config import BELOW, check_architectures, require
from remdm_backend.model.block_diffusion import BlockDiffusion
from remdm_backend.model.block_network import BlockNetwork
from remdm_backend.model.card import ModelCard

SETTINGS = {"causal": False, "cross_attn": True, "time_conditioning": False}


def _run(
    backbone: nn.Module, card: ModelCard, device: torch.device, dtype: torch.dtype
) -> BlockNetwork:
    assert isinstance(backbone, BlockDiffusion)
    return BlockNetwork(card, backbone, device=device, dtype=dtype, attention="sdpa")


BD3LM = OwnNetwork(
    name="bd3lm",
    kinds=(),
    noise_embedding="sigma_map.mlp.2.weight",
    always_embeds_noise=False,
    build=BlockDiffusion,
    run=_run,
)


def open_release(path: Path, *, raw_weights: bool) -> Contents:
    """Read everything but the weights. Raises ``BackendError``; ``OSError`` if a file is
    unreadable."""
    if raw_weights:
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )
    config = JsonObject(directory_of(path) / CONFIG_FILE)
    check_architectures(config, ("BD3LM",))
    require(config, SETTINGS)
    length = config.integer("model_length", least=1, below=MAX_LENGTH + 1, absent=1024)
    block_length = config.integer("block_size", least=1, below=MAX_LENGTH + 1)
    if length % block_length:
        raise invalid(
            config.path, f"block_size is {block_length}, which does not divide {length} tokens", FIX
        )
    vocab_size = config.integer("vocab_size", least=2, below=BELOW, absent=50258)
    n_heads = config.integer("n_heads", least=1, below=MAX_COUNT + 1, absent=12)
    stated = (
        config.integer("hidden_dim", least=1, below=BELOW, absent=768),
        config.integer("n_blocks", least=1, below=MAX_COUNT + 1, absent=12),
        config.fields.get("adaln") is None or config.boolean("adaln"),
    )
    weights = PublishedWeights(path, rotary=True)
    names = network_names(weights.place, weights.shapes)
    shapes = {name: weights.shapes[key] for name, key in names.items()}
    shape = shape_of(weights.place, shapes, n_heads, BD3LM)
    found = (shape.hidden_size, shape.n_blocks, shape.cond_dim > 0)
    if found != stated:
        raise invalid(
            weights.place,
            f"its config says {_described(*stated)}, its tensors {_described(*found)}",
            FIX,
        )

    def parts(name: str) -> Iterator[Tensor]:
        return weights.parts(names[name])

    return Contents(
        path=weights.place,
        format="huggingface",
        kind="mdlm",
        architecture=BD3LM.name,
        length=length,
        time_conditioning=False,
        n_heads=n_heads,
        weights="ema",
        shapes=shapes,
        parts=parts,
        vocab_size=vocab_size,
        mask_id=vocab_size - 1,
        block_length=block_length,
        shards=weights.files,
    )


def _described(hidden: int, n_blocks: int, adaln: bool) -> str:
    return f"hidden_dim {hidden}, {n_blocks} blocks and {'adaln' if adaln else 'no adaln'}"


BD3LM_RELEASE = PublishedTensors(model_types=("bd3lm",), open=open_release)
