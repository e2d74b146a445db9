"""This module loads a ``PublishedTrunk``: LLaDA, Dream, an A2D model.

The network is laid out without memory, compared with the files, and then filled tensor by tensor:
each is read a few rows at a time, converted, and put where it stays. So loading takes little more
memory than the weights do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from remdm_backend.checkpoint.architecture import PublishedTrunk, check_shapes
from remdm_backend.checkpoint.contents import (
    memory_errors,
    no_memory,
    unsupported,
)
from remdm_backend.checkpoint.filling import read_into
from remdm_backend.checkpoint.huggingface_config import MAX_LENGTH
from remdm_backend.checkpoint.huggingface_files import CONFIG_FILE, JsonObject, directory_of
from remdm_backend.checkpoint.huggingface_vocabulary import Vocabulary
from remdm_backend.checkpoint.published_weights import PublishedWeights
from remdm_backend.checkpoint.trunk_config import check_architectures
from remdm_backend.host.free_memory import free_memory
from remdm_backend.model.card import ModelCard
from remdm_backend.model.linear import multiplies_bfloat16
from remdm_backend.model.network import MaskedNetwork, half_precision_layers
from remdm_backend.model.transformer import RMSNorm, Transformer

HEAD = "output.weight"


def load_trunk(
    path: Path, entry: PublishedTrunk, device: torch.device, dtype: torch.dtype
) -> MaskedNetwork:
    """Load ``path``, a directory of Hugging Face's format or a file of weights in it.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory = directory_of(path)
    config = JsonObject(directory / CONFIG_FILE)
    check_architectures(config, entry.architectures)
    if config.fields.get("quantization_config"):
        raise unsupported(directory, "its weights are quantized", "Give the model that it is of.")
    shape = entry.shape(config)
    length = config.integer(entry.length_key, least=1, below=MAX_LENGTH + 1)
    vocabulary = Vocabulary(directory)
    mask_id = vocabulary.mask_id(config, shape.vocab_size)
    weights = PublishedWeights(path)
    shape = replace(shape, tied=is_tied(config, entry, weights))
    with torch.device("meta"):
        backbone = Transformer(shape)
    names = {name: entry.published_name(name) for name, _ in backbone.named_parameters()}
    check_weights(entry, weights, backbone, names)
    fill(backbone, weights, names, device, dtype)
    backbone.absent = vocabulary.without_token(shape.vocab_size)
    card = ModelCard(
        kind="mdlm",
        vocab_size=shape.vocab_size,
        mask_id=mask_id,
        length=length,
        time_conditioning=False,
        hidden_size=shape.hidden_size,
        n_blocks=shape.n_blocks,
        n_heads=shape.n_heads,
        cond_dim=0,
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        weights="raw",
        name=path.name,
        format="huggingface",
        architecture=entry.name,
    )
    return MaskedNetwork(card, backbone.to(device), device=device, dtype=dtype, attention="sdpa")


def is_tied(config: JsonObject, entry: PublishedTrunk, weights: PublishedWeights) -> bool:
    """Whether the head has the embedding's weights; a config that does not say it has them where
    the files hold no others."""
    if config.fields.get(entry.tied_key) is None:
        return entry.published_name(HEAD) not in weights.shapes
    return config.boolean(entry.tied_key)


def check_weights(
    entry: PublishedTrunk, weights: PublishedWeights, backbone: Transformer, names: dict[str, str]
) -> None:
    """Require every tensor of the network with its shape, and no other. Raises ``BackendError``.

    The head of a tied network may be there all the same, as some programs save it.
    """
    found = dict(weights.shapes)
    if backbone.shape.tied:
        found.pop(entry.published_name(HEAD), None)
    expected = {
        names[name]: tuple(parameter.shape) for name, parameter in backbone.named_parameters()
    }
    check_shapes(weights.place, found, expected, weights.size)


def fill(
    backbone: Transformer,
    weights: PublishedWeights,
    names: dict[str, str],
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Give the empty network its weights; norms stay float32 in any ``dtype``.

    Raises ``BackendError``, ``out_of_memory`` before anything is read where that can be known.
    """
    native = dtype != torch.bfloat16 or multiplies_bfloat16(device)
    for layer in half_precision_layers(backbone).values():
        layer.rounds = not native
    parameters = dict(backbone.named_parameters())
    norms = {name for name in parameters if is_norm(backbone, name)}
    types = {name: dtype if native and name not in norms else torch.float32 for name in parameters}
    needed = sum(parameter.numel() * types[name].itemsize for name, parameter in parameters.items())
    if needed > free_memory(device):
        raise no_memory(weights.place, device)
    filled: dict[str, Tensor] = {}
    with memory_errors(weights.place, device):
        for name, parameter in parameters.items():
            filled[name] = torch.empty(parameter.shape, dtype=types[name], device=device)
            rounded = torch.float32 if name in norms else dtype
            key = names[name]
            parts, file = weights.parts(key), weights.file_of(key)
            read_into(filled[name], parts, rounded, file=file, name=key)
    backbone.load_state_dict(filled, strict=not backbone.shape.tied, assign=True)
    backbone.tie()


def is_norm(backbone: Transformer, parameter: str) -> bool:
    return isinstance(backbone.get_submodule(parameter.rpartition(".")[0]), RMSNorm)
