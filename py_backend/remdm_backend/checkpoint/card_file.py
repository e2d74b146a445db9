"""This module is the only place that reads and that writes a ``card.json``.

The file states the facts of a checkpoint in our own format that its tensors cannot tell.
``model/card.py`` defines the card of a loaded model, which has the facts of the tensors too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

from remdm_backend.checkpoint.contents import invalid
from remdm_backend.model.card import Kind, Weights

CARD_FILE = "card.json"
FIX = "Correct card.json, or convert the checkpoint again (remdm convert)."
MAX_CARD_BYTES = 64 << 10
REQUIRED = ("kind", "vocab_size", "mask_id", "length", "time_conditioning", "n_heads")
OPTIONAL = ("weights", "training", "subs_masking", "source")

T = TypeVar("T")


def card_fields(
    *,
    kind: Kind,
    vocab_size: int,
    mask_id: int,
    length: int,
    time_conditioning: bool,
    n_heads: int,
    weights: Weights,
    subs_masking: bool = False,
    training: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of a ``card.json``, in the order in which they are written.

    ``training`` and ``source`` are free facts about where the model comes from.
    """
    return {
        "kind": kind,
        "vocab_size": vocab_size,
        "mask_id": mask_id,
        "length": length,
        "time_conditioning": time_conditioning,
        "n_heads": n_heads,
        **({"subs_masking": subs_masking} if kind == "d3pm" else {}),
        "weights": weights,
        **({"training": training} if training else {}),
        **({"source": source} if source else {}),
    }


class CardFile:
    """A ``card.json``, checked field by field. Raises ``BackendError`` ``checkpoint_invalid``."""

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
