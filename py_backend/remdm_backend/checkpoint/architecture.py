"""This module defines the forms of a registry entry, and makes a network of ours from tensors.

``checkpoint/registry.py`` has the entries. The shape of an ``OwnNetwork`` is inferred from the
shapes of the tensors and checked against all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from remdm_backend.checkpoint.contents import Contents, invalid
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.checkpoint.network_names import ANCHOR
from remdm_backend.model.card import ArchitectureName, Kind, ModelCard
from remdm_backend.model.dit import Shape
from remdm_backend.model.network import Network
from remdm_backend.model.transformer import TransformerShape

ROTARY = "rotary_emb.inv_freq"
_BLOCK = re.compile(r"blocks\.(\d{1,4})\.")


@dataclass(frozen=True)
class OwnNetwork:
    """A network of ours, whose tensors are read one by one."""

    name: ArchitectureName
    kinds: tuple[Kind, ...]
    """The kinds of model that have it in Lightning files and in our own format."""
    noise_embedding: str | None
    """The tensor whose first dimension is the width of the noise level's embedding, if any."""
    build: Callable[[Shape], nn.Module]
    run: Callable[[nn.Module, ModelCard, torch.device, torch.dtype], Network[nn.Module]]
    """Make a filled network, on the device and of the type that are named, answer calls."""
    always_embeds_noise: bool = True
    """Whether a file without ``noise_embedding`` is refused, not taken for a network without it."""


@dataclass(frozen=True)
class PublishedTensors:
    """A directory of Hugging Face's format that holds the tensors of a network of ours."""

    model_types: tuple[str, ...]
    """Of ``config.json``."""
    open: Callable[..., Contents]
    """Read everything but the weights: ``open(path, raw_weights=bool)``."""


@dataclass(frozen=True)
class LibraryModel:
    """A directory of Hugging Face's format whose network ``transformers`` builds, of any model type
    that it knows."""

    load: Callable[[Path, torch.device, torch.dtype], Network[nn.Module]]


@dataclass(frozen=True)
class PublishedTrunk:
    """A directory of Hugging Face's format that ``model/transformer.py`` runs.

    The code that comes with such a model (``auto_map``) is not looked at: the entry knows what its
    settings mean.
    """

    name: ArchitectureName
    model_types: tuple[str, ...]
    """Of ``config.json``."""
    architectures: tuple[str, ...]
    """The classes that a ``config.json`` may name; it may also name none."""
    shape: Callable[[JsonObject], TransformerShape]
    """Read the shape from a ``config.json``, ``tied`` left aside; refuse what is not built here."""
    names: Mapping[str, str]
    """What our modules are called in the files; ``blocks`` is the list of blocks."""
    length_key: str
    """The setting that says how long a text may be."""
    tied_key: str
    """The setting that says whether the head has the embedding's weights."""

    def published_name(self, parameter: str) -> str:
        """Return the name that a parameter of ours has in the files."""
        module, _, kind = parameter.rpartition(".")
        *block, layer = module.split(".")
        place = [self.names["blocks"], block[1]] if block else []
        return ".".join([*place, self.names[layer], kind])


def shape_of(
    path: Path, shapes: Mapping[str, tuple[int, ...]], n_heads: int, entry: OwnNetwork
) -> Shape:
    """Read width, depth and vocabulary from the tensors; ``n_heads`` is the configuration's.

    The tensors know the head count only through the rotary buffer, which has one frequency for
    every two dimensions of a head, and which a file may leave out. Raises ``BackendError`` if that
    disagrees or a tensor is missing.
    """
    embedding = _dims(path, shapes, ANCHOR, 2)
    noise = entry.noise_embedding
    knows_noise = noise in shapes or (noise is not None and entry.always_embeds_noise)
    cond = _dims(path, shapes, noise, 2) if noise is not None and knows_noise else (0,)
    hidden = embedding[1]
    if ROTARY not in shapes and hidden % (2 * n_heads):
        raise invalid(
            path,
            f"its configuration says {n_heads} heads, into which a width of {hidden} cannot be "
            "divided evenly",
        )
    half_head = _dims(path, shapes, ROTARY, 1)[0] if ROTARY in shapes else hidden // (2 * n_heads)
    if hidden != 2 * half_head * n_heads:
        raise invalid(
            path,
            f"its configuration says {n_heads} heads, but a width of {hidden} and {half_head} "
            f"rotary frequencies make {hidden / (2 * half_head):g}",
        )
    blocks = {int(found[1]) for name in shapes if (found := _BLOCK.match(name))}
    return Shape(embedding[0], hidden, len(blocks), n_heads, cond[0])


def empty_network(shape: Shape, entry: OwnNetwork) -> nn.Module:
    """Build the network without memory: its tensors have shapes only."""
    with torch.device("meta"):
        return entry.build(shape)


def parameter_names(shape: Shape, entry: OwnNetwork) -> list[str]:
    """List the parameters in the order of registration, which is the order of the original's
    moving average."""
    return [name for name, _ in empty_network(shape, entry).named_parameters()]


def check_tensors(contents: Contents, network: nn.Module) -> None:
    """Require every tensor of the network with its shape, and no other; only the rotary frequencies
    may be absent. Raises ``BackendError``."""
    path, found = contents.path, contents.shapes
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if ROTARY not in found:
        del expected[ROTARY]
    check_shapes(path, found, expected, contents.size)


def check_shapes(
    path: Path,
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
    size: int,
) -> None:
    """Require the tensors that are ``expected``, and no other, in files of ``size`` bytes. Raises
    ``BackendError``."""
    missing = sorted(expected.keys() - found.keys())
    if missing:
        raise invalid(path, f"{len(missing)} tensors are missing, first {missing[0]}")
    unknown = sorted(found.keys() - expected.keys())
    if unknown:
        raise invalid(
            path, f"{len(unknown)} tensors do not belong to this network, first {unknown[0]:.80}"
        )
    for name, shape in expected.items():
        if found[name] != shape:
            raise invalid(path, f"{name} has the shape {found[name]}, expected {shape}")
    if sum(map(math.prod, expected.values())) > size:
        raise invalid(path, f"its tensors overlap: they cannot all lie in {size:,} bytes")


def _dims(
    path: Path, shapes: Mapping[str, tuple[int, ...]], name: str, count: int
) -> tuple[int, ...]:
    if name not in shapes:
        raise invalid(path, f"the tensor {name} is missing")
    if len(shapes[name]) != count or min(shapes[name]) < 1:
        raise invalid(path, f"{name} has the shape {shapes[name]}, expected {count} dimensions")
    return shapes[name]
