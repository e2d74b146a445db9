"""Our own format: ``model.safetensors`` with ``card.json`` beside it.

Tensor names are those of the network's state dict (the published ones without ``backbone.``), in
float32, float16 or bfloat16. The card says what the tensors cannot.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn, TypeVar, get_args

from safetensors import SafetensorError, safe_open
from torch import Tensor

from remdm_backend.checkpoint.card import Kind, Weights
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.errors import BackendError

MODEL_FILE = "model.safetensors"
CARD_FILE = "card.json"
MAX_CARD_BYTES = 64 << 10
DTYPES = ("F32", "F16", "BF16")
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
        raise invalid(path, f"there is no {file.name} in {directory}")
    if raw_weights and card.weights != "raw":
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )

    def read(name: str) -> Tensor:
        try:
            with safe_open(file, framework="pt") as tensors:
                # A copy: the file stays mapped no longer than this.
                stored: Tensor = tensors.get_tensor(name)
                return stored.clone()
        except SafetensorError as error:
            raise damaged(path, error) from error

    return Contents(
        path=file,
        format="safetensors",
        kind=card.kind,
        length=card.length,
        time_conditioning=card.kind != "ar" and card.time_conditioning,
        n_heads=card.n_heads,
        weights=card.weights,
        shapes=tensor_shapes(file),
        read=read,
        vocab_size=card.vocab_size,
        mask_id=card.mask_id,
        subs_masking=card.kind == "d3pm" and card.subs_masking,
    )


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes from the header, which the library checks against the file's size."""
    try:
        with safe_open(file, framework="pt") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            for name, part in slices.items():
                if part.get_dtype() not in DTYPES:
                    raise invalid(file, f"{name} is of type {part.get_dtype()}, not {DTYPES}")
            return {name: tuple(part.get_shape()) for name, part in slices.items()}
    except SafetensorError as error:
        raise damaged(file, error) from error


def damaged(path: Path, error: Exception) -> BackendError:
    return invalid(path, f"the file is truncated or damaged ({error})")


class Card:
    """``card.json``, checked field by field. Raises ``BackendError`` ``checkpoint_invalid``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fields = self._parse()
        known = (*REQUIRED, *OPTIONAL)
        for key in self._fields:
            if key not in known:
                raise invalid(path, f"unknown key {key!r}; known are {', '.join(known)}", "Fix it.")
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
            raise invalid(self._path, f"larger than {MAX_CARD_BYTES:,} bytes, so no card")
        try:
            fields = json.loads(self._path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise invalid(self._path, f"not readable as JSON ({error})", "Fix it.") from error
        if not isinstance(fields, dict):
            raise invalid(self._path, "not a JSON object", "Fix it.")
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
        raise invalid(self._path, f"{key} is {given}; it must be {expected}", "Fix it.")
