"""This module converts any checkpoint of our networks to our own format.

It writes ``model.safetensors``, ``card.json``, and the ``tokenizer.json`` that lies beside the
source. The weights pass through one by one, so memory holds the largest tensor and not the model.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.architecture import ROTARY, LibraryModel, PublishedTrunk
from remdm_backend.checkpoint.card_file import CARD_FILE, CardFile, card_fields
from remdm_backend.checkpoint.contents import Contents, unsupported
from remdm_backend.checkpoint.load import (
    mask_id_of,
    network_of,
    opener_of,
    read_parameter,
    read_rotary,
    reading,
)
from remdm_backend.checkpoint.output import TOKENIZER_FILE, writing
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE
from remdm_backend.checkpoint.safetensors_writer import Plan, bytes_of, write_safetensors
from remdm_backend.errors import BackendError
from remdm_backend.model.card import Weights
from remdm_backend.model.dit import Shape
from remdm_backend.model.memory import is_out_of_memory

HASH_CHUNK = 4 << 20

DtypeName = Literal["float32", "float16", "bfloat16"]
Progress = Callable[[int, int], object]
"""Bytes read and written, and how many there will be."""


def convert(
    source: Path,
    out: Path,
    *,
    weights: Weights | None = None,
    dtype: DtypeName = "float32",
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Write ``source`` (a Lightning ``.ckpt``, our directory or a ``.safetensors`` file in it, the
    Hugging Face release of MDLM) into the directory ``out``; the card that it gets.

    ``weights`` takes the moving average or the last step's weights; by default the average, or what
    there is. Nothing pickled in the source is executed. ``force`` lets the three files replace
    others of their names; nothing else in ``out`` is touched.

    Raises ``BackendError``: as ``load_network``, and ``output_failed``. Then, and when it is
    interrupted by an exception, ``out`` is as it was.
    """
    source, out = source.expanduser(), out.expanduser()
    with reading(source):
        contents, shape, network = open_contents(source, weights)
        plan: Plan = {
            name: (tuple(part.shape), torch.float32 if name == ROTARY else getattr(torch, dtype))
            for name, part in network.state_dict().items()
        }
        size, to_write = contents.size, bytes_of(plan)
        total = size + to_write
    try:
        with writing(out, contents.path, force=force, needed=to_write) as part:
            with reading(source):
                digest = sha256_of(contents.files, lambda done: progress(done, total))
                card = card_of(contents, shape.vocab_size, digest)
            done = size
            for written in write_safetensors(part(MODEL_FILE), plan, reader(contents, shape, plan)):
                done += written
                progress(done, total)
            part(CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
            tokenizer = contents.path.parent / TOKENIZER_FILE
            if tokenizer.is_file():
                shutil.copyfile(tokenizer, part(TOKENIZER_FILE))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BackendError(
            "out_of_memory",
            f"The largest tensor of {contents.path} does not fit the memory.",
            "Close other programs, or convert it on a machine with more memory.",
        ) from error
    return card


def open_contents(source: Path, weights: Weights | None) -> tuple[Contents, Shape, nn.Module]:
    """Read everything except the weights, and build the empty network that they fit."""
    opener = opener_of(source)
    if isinstance(opener, LibraryModel | PublishedTrunk):
        raise unsupported(
            source,
            "a language model in the format of Hugging Face, whose network has no card.json",
            "Use it as it is: its directory is a checkpoint to sample from.",
        )
    contents = opener(source, raw_weights=weights == "raw")
    if contents.block_length is not None:
        raise unsupported(
            source,
            "a BD3-LM in the format of Hugging Face, whose blocks no card.json can say",
            "Use it as it is: its directory is a checkpoint to sample from.",
        )
    if weights == "ema" and contents.weights != "ema":
        raise unsupported(
            source, "it holds no moving average of the weights", "Leave the choice of weights out."
        )
    shape, network = network_of(contents)
    return contents, shape, network


def reader(contents: Contents, shape: Shape, plan: Plan) -> Callable[[str], Tensor]:
    """Make a function that reads a tensor in its planned type. Raises ``BackendError`` for numbers
    that do not fit the type."""

    def read(name: str) -> Tensor:
        if name == ROTARY:
            with reading(contents.path):
                return read_rotary(contents, shape)
        with reading(contents.path):
            stored = read_parameter(contents, name)
        dtype = plan[name][1]
        converted = stored.to(dtype)
        if not all(math.isfinite(extreme) for extreme in converted.aminmax()):
            largest = max(abs(float(extreme)) for extreme in stored.aminmax())
            raise unsupported(
                contents.path,
                f"{name} has numbers up to {largest:g}, too large for {dtype}",
                f"Convert it to {'bfloat16 or ' if dtype == torch.float16 else ''}float32.",
            )
        return converted

    return read


def card_of(contents: Contents, vocab_size: int, sha256: str) -> dict[str, Any]:
    """Return the card: the facts of the source, and which file it was."""
    source: dict[str, Any] = {"file": contents.path.name, "sha256": sha256}
    training: dict[str, object] = {}
    if contents.format == "safetensors":  # it had a card: what is known of its past is kept
        before = CardFile(contents.path.parent / CARD_FILE)
        training = before.training
        source |= {"source": before.source} if before.source else {}
    return card_fields(
        kind=contents.kind,
        vocab_size=vocab_size,
        mask_id=mask_id_of(contents, vocab_size),
        length=contents.length,
        time_conditioning=contents.time_conditioning,
        n_heads=contents.n_heads,
        subs_masking=contents.subs_masking,
        weights=contents.weights,
        training=training,
        source=source,
    )


def sha256_of(paths: Iterable[Path], progress: Callable[[int], object]) -> str:
    """Hash the bytes of ``paths``, one file after the other."""
    digest, done = hashlib.sha256(), 0
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(HASH_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                progress(done)
    return digest.hexdigest()
