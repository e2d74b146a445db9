"""This module opens a checkpoint of any format and puts its network on a device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.architecture import (
    ROTARY,
    LibraryModel,
    PublishedTensors,
    PublishedTrunk,
    check_tensors,
    empty_network,
    shape_of,
)
from remdm_backend.checkpoint.contents import (
    NOT_FINITE,
    Contents,
    invalid,
    memory_errors,
    unreadable,
)
from remdm_backend.checkpoint.filling import read_into
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    JsonObject,
    directory_of,
    is_huggingface,
)
from remdm_backend.checkpoint.lightning import open_lightning
from remdm_backend.checkpoint.own_format import open_safetensors
from remdm_backend.checkpoint.registry import network_named, published_as
from remdm_backend.checkpoint.trunk import load_trunk
from remdm_backend.errors import BackendError
from remdm_backend.host.devices import find_device
from remdm_backend.model.card import ModelCard
from remdm_backend.model.dit import Shape
from remdm_backend.model.linear import Linear, multiplies_bfloat16
from remdm_backend.model.network import Network, half_precision_layers
from remdm_backend.model.rotary import inverse_frequencies

ROTARY_TOLERANCE = 1e-2
"""Relative; the buffer may have been stored in bfloat16."""


def load_network(
    path: str | Path,
    *,
    device: str = "auto",
    dtype: Literal["float32", "bfloat16"] = "float32",
    raw_weights: bool = False,
) -> Network[nn.Module]:
    """Load a Lightning ``.ckpt`` file, a directory (or ``.safetensors`` file) with a ``card.json``,
    or a directory in the format of Hugging Face.

    ``device`` is a PyTorch device, or ``auto`` for the first GPU if there is one. ``raw_weights``
    takes the last step's weights in place of their moving average. Nothing pickled in the file is
    executed. Only one set of weights is read, so memory peaks near its size.

    Raises ``BackendError``: ``checkpoint_missing``, ``checkpoint_invalid``,
    ``checkpoint_unsupported``, ``device_unavailable``, ``out_of_memory``.
    """
    path = Path(path).expanduser()
    with reading(path):
        opener = opener_of(path)
        if isinstance(opener, PublishedTrunk):
            return load_trunk(path, opener, find_device(device), getattr(torch, dtype))
        if isinstance(opener, LibraryModel):
            return opener.load(path, find_device(device), getattr(torch, dtype))
        contents = opener(path, raw_weights=raw_weights)
        return build(contents, path.name, find_device(device), getattr(torch, dtype))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Require that ``path`` exists, and turn a file that cannot be read within the block into a
    ``BackendError``."""
    try:
        if not path.exists():
            raise BackendError(
                "checkpoint_missing",
                f"There is no checkpoint at {path.absolute()}.",
                "Check the path, or download the checkpoint first.",
            )
        yield
    except OSError as error:
        raise unreadable(path, error) from error


def opener_of(path: Path) -> Callable[..., Contents] | PublishedTrunk | LibraryModel:
    """Return what reads the ``Contents`` of ``path``, or the entry of a model that has none."""
    if is_huggingface(path):
        entry = published_as(JsonObject(directory_of(path) / CONFIG_FILE))
        return entry.open if isinstance(entry, PublishedTensors) else entry
    return open_safetensors if path.is_dir() or path.suffix == ".safetensors" else open_lightning


def build(
    contents: Contents, name: str, device: torch.device, dtype: torch.dtype
) -> Network[nn.Module]:
    """Check the file's tensors against the network they make, then read them one by one."""
    shape, backbone = network_of(contents)
    read_weights(contents, shape, backbone, device, dtype)
    entry = network_named(contents.architecture)
    card = ModelCard(
        kind=contents.kind,
        vocab_size=shape.vocab_size,
        mask_id=mask_id_of(contents, shape.vocab_size),
        length=contents.length,
        time_conditioning=contents.time_conditioning,
        subs_masking=contents.subs_masking,
        block_length=contents.block_length,
        hidden_size=shape.hidden_size,
        n_blocks=shape.n_blocks,
        n_heads=shape.n_heads,
        cond_dim=shape.cond_dim,
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        weights=contents.weights,
        name=name,
        format=contents.format,
        architecture=entry.name,
    )
    return entry.run(backbone, card, device, dtype)


def mask_id_of(contents: Contents, vocab_size: int) -> int:
    """Return the mask's id: the last one, where the file does not say."""
    return vocab_size - 1 if contents.mask_id is None else contents.mask_id


def network_of(contents: Contents) -> tuple[Shape, nn.Module]:
    """Build the network, without memory, that the file's tensors make; all of them fit it."""
    path, entry = contents.path, network_named(contents.architecture)
    shape = shape_of(path, contents.shapes, contents.n_heads, entry)
    if contents.vocab_size not in (None, shape.vocab_size):
        raise invalid(
            path, f"its card says vocab_size {contents.vocab_size}, its tensors {shape.vocab_size}"
        )
    backbone = empty_network(shape, entry)
    check_tensors(contents, backbone)
    return shape, backbone


def read_weights(
    contents: Contents,
    shape: Shape,
    backbone: nn.Module,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Give the empty network its weights; each is read a part at a time, into where it stays."""
    layers: dict[str, Linear] = {}
    native = dtype != torch.bfloat16 or multiplies_bfloat16(device)
    if dtype == torch.bfloat16:
        layers = half_precision_layers(backbone)
        for layer in layers.values():
            layer.rounds = not native
    weights: dict[str, Tensor] = {}
    with memory_errors(contents.path, device):
        for name, parameter in backbone.named_parameters():
            halved = name.rpartition(".")[0] in layers
            held = torch.bfloat16 if halved and native else torch.float32
            weights[name] = torch.empty(parameter.shape, dtype=held, device=device)
            rounded = torch.bfloat16 if halved else torch.float32
            parts = contents.parts(name)
            read_into(weights[name], parts, rounded, file=contents.path, name=name)
        weights[ROTARY] = read_rotary(contents, shape).to(device)
        backbone.load_state_dict(weights, assign=True)


def read_parameter(contents: Contents, name: str) -> Tensor:
    """Read a tensor as stored, doubles as float32, in which networks compute.

    Raises ``BackendError`` for what is damaged or not finite.
    """
    stored = contents.read(name)
    if stored.dtype == torch.float64:
        stored = stored.float()
    if not all(math.isfinite(extreme) for extreme in stored.aminmax()):
        raise invalid(contents.path, f"{name} holds numbers that are not finite", NOT_FINITE)
    return stored


def read_rotary(contents: Contents, shape: Shape) -> Tensor:
    """Return the rotary frequencies in float32, exact where the file has them rounded or not at
    all.

    Raises ``BackendError`` if the file has others.
    """
    rotary = inverse_frequencies(shape.hidden_size // shape.n_heads)
    if ROTARY not in contents.shapes:
        return rotary
    stored = contents.read(ROTARY).float()
    if not torch.allclose(stored, rotary, rtol=ROTARY_TOLERANCE, atol=0.0):
        raise invalid(
            contents.path,
            f"{ROTARY} holds other frequencies than this network's",
            "Give a checkpoint whose rotary positions have the base 10,000.",
        )
    return rotary
