"""Our own format: ``model.safetensors`` with ``card.json`` beside it.

Tensor names are those of the network's state dict (the published ones without ``backbone.``; what
wrappers put before them is left out), in float64, float32, float16 or bfloat16. The card says what
the tensors cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

from safetensors import SafetensorError, safe_open
from torch import Tensor

from remdm_backend.checkpoint.card import Kind, Weights
from remdm_backend.checkpoint.contents import Contents, damaged, invalid, unsupported
from remdm_backend.checkpoint.file_kind import not_safetensors
from remdm_backend.checkpoint.network_names import network_names
from remdm_backend.checkpoint.stored_tensor import WIDER

MODEL_FILE = "model.safetensors"
CARD_FILE = "card.json"
FIX = "Correct card.json, or convert the checkpoint again (remdm convert)."
MAX_CARD_BYTES = 64 << 10
DTYPES = ("F64", "F32", "F16", "BF16")
REQUIRED = ("kind", "vocab_size", "mask_id", "length", "time_conditioning", "n_heads")
OPTIONAL = ("weights", "training", "subs_masking", "source")

T = TypeVar("T")


def open_safetensors(path: Path, *, raw_weights: bool) -> Contents:
    """``path`` is the directory or a ``.safetensors`` file in it. Reads everything but the weights.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory, file = (path, path / MODEL_FILE) if path.is_dir() else (path.parent, path)
    if not (directory / CARD_FILE).is_file():
        raise invalid(
            path,
            f"there is no {CARD_FILE} and no config.json in {directory}",
            f"Give a Lightning .ckpt file, or a directory with {MODEL_FILE} and {CARD_FILE} (ours) "
            "or config.json (Hugging Face).",
        )
    card = Card(directory / CARD_FILE)
    if not file.is_file():
        raise invalid(
            path,
            f"there is no {file.name} in {directory}",
            f"Put the weights beside {CARD_FILE}, or give the path of the file that has them.",
        )
    if raw_weights and card.weights != "raw":
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )

    shapes = tensor_shapes(file)
    names = network_names(file, shapes)

    def read(name: str) -> Tensor:
        return read_tensor(file, names[name])

    return Contents(
        path=file,
        format="safetensors",
        kind=card.kind,
        length=card.length,
        time_conditioning=card.kind != "ar" and card.time_conditioning,
        n_heads=card.n_heads,
        weights=card.weights,
        shapes={name: shapes[key] for name, key in names.items()},
        read=read,
        vocab_size=card.vocab_size,
        mask_id=card.mask_id,
        subs_masking=card.kind == "d3pm" and card.subs_masking,
    )


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes from the header, which the library checks against the file's size.

    Raises ``BackendError``, also for types of numbers that are not read.
    """
    with opened(file) as tensors:
        slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
        for name, part in slices.items():
            check_dtype(file, name, str(part.get_dtype()))
        return {name: tuple(part.get_shape()) for name, part in slices.items()}


def check_dtype(file: Path, name: str, dtype: str) -> None:
    """Raises ``BackendError`` for all but floating-point numbers of 16 bits and more; ``dtype`` is
    the format's word for it."""
    if dtype in DTYPES:
        return
    if dtype.startswith(("F8", "F4")):
        raise unsupported(file, f"{name} holds float{dtype[1]} numbers ({dtype})", WIDER)
    raise invalid(file, f"{name} is of type {dtype}, not one of {', '.join(DTYPES)}")


def read_tensor(file: Path, name: str) -> Tensor:
    """One tensor as stored, in memory of its own. Raises ``BackendError`` ``checkpoint_invalid``
    if the bytes are damaged."""
    with opened(file) as tensors:
        stored: Tensor = tensors.get_tensor(name)
        return stored.clone()  # the file stays mapped no longer than this


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """The library's view of a file. Raises ``BackendError`` ``checkpoint_invalid`` that says what
    the file is instead, or that it is damaged."""
    try:
        with safe_open(file, framework="pt") as tensors:
            yield tensors
    except SafetensorError as error:
        raise not_safetensors(file) or damaged(file, error) from error


class Card:
    """``card.json``, checked field by field. Raises ``BackendError`` ``checkpoint_invalid``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fields = self._parse()
        known = (*REQUIRED, *OPTIONAL)
        for key in self._fields:
            if key not in known:
                raise invalid(path, f"unknown key {key!r}; known are {', '.join(known)}", FIX)
        self.kind: Kind = self._choice("kind", get_args(Kind))
        self.weights: Weights = self._choice("weights", get_args(Weights), default="ema")
        self.vocab_size = self._integer("vocab_size", least=2)
        self.mask_id = self._integer("mask_id", least=0)
        if self.mask_id >= self.vocab_size:
            self._refuse("mask_id", f"less than vocab_size, {self.vocab_size}")
        self.length = self._integer("length", least=1)
        self.n_heads = self._integer("n_heads", least=1)
        self.time_conditioning = self._boolean("time_conditioning")
        self.subs_masking = self._boolean("subs_masking", default=False)
        self.training = self._facts("training")
        self.source = self._facts("source")

    def _parse(self) -> dict[str, object]:
        if self._path.stat().st_size > MAX_CARD_BYTES:
            raise invalid(self._path, f"larger than {MAX_CARD_BYTES:,} bytes, so no card", FIX)
        try:
            fields = json.loads(self._path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise invalid(self._path, f"not readable as JSON ({error})", FIX) from error
        if not isinstance(fields, dict):
            raise invalid(self._path, "not a JSON object", FIX)
        return fields

    def _choice(self, key: str, choices: tuple[T, ...], default: T | None = None) -> T:
        value = self._fields.get(key, default)
        for choice in choices:
            if value == choice:
                return choice
        return self._refuse(key, f"one of {', '.join(map(str, choices))}")

    def _integer(self, key: str, *, least: int) -> int:
        value = self._fields.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31:
            return value
        return self._refuse(key, f"an integer of at least {least}")

    def _boolean(self, key: str, default: bool | None = None) -> bool:
        value = self._fields.get(key, default)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def _facts(self, key: str) -> dict[str, object]:
        """About where the model comes from; nothing depends on them."""
        value = self._fields.get(key, {})
        return value if isinstance(value, dict) else self._refuse(key, "an object of free facts")

    def _refuse(self, key: str, expected: str) -> NoReturn:
        given = repr(self._fields[key])[:40] if key in self._fields else "missing"
        raise invalid(self._path, f"{key} is {given}; it must be {expected}", FIX)
