"""This module reads a pickled OmegaConf config and a pickled tokenizer from ``pickle_data``'s
records.

Neither library is needed: a config node is a ``Made`` whose recorded state has ``_content`` (a
container) or ``_val`` (a leaf). OmegaConf pickles references (``${model.length}``) as they were
written; a reference to another setting is followed here, every other (``${oc.env:SIZE}``) is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from remdm_backend.checkpoint.contents import invalid, shown
from remdm_backend.checkpoint.pickle_data import Made

REFERENCE = re.compile(r"\$\{(\.*)([A-Za-z_]\w*(?:\.\w+)*)\}")
MAX_REFERENCE = 200
"""Characters."""
MAX_REFERENCES = 8
"""Followed for one value: cycles, and references that branch, must end."""


class Config:
    """The config of ``hyper_parameters``, walked by dotted names; ``tokenizer`` is what lies beside
    it.

    Raises ``BackendError`` ``checkpoint_invalid`` for what is missing or of the wrong type.
    """

    def __init__(self, path: Path, hyper_parameters: Mapping[str, object] | None) -> None:
        if hyper_parameters is None or "config" not in hyper_parameters:
            raise invalid(
                path,
                "it has no hyper_parameters.config, so what kind of model it is cannot be known",
                "Give the Lightning .ckpt file as the original repository saved it.",
            )
        self._path = path
        self._root = hyper_parameters["config"]
        self._references_left = 0
        self.tokenizer = hyper_parameters.get("tokenizer")

    def has(self, dotted: str) -> bool:
        """Whether there are settings under ``dotted``."""
        return mapping(self.value(dotted)) is not None

    def value(self, dotted: str) -> object:
        """Return the value at ``dotted``, or ``None``."""
        self._references_left = MAX_REFERENCES
        return self._follow(dotted)

    def _follow(self, dotted: str) -> object:
        parts = dotted.split(".")
        node: object = unwrap(self._root)
        for depth, part in enumerate(parts, start=1):
            node = unwrap(entry(node, part))
            if isinstance(node, str) and "${" in node:
                node = self._referred(parts[:depth], node)
        return node

    def _referred(self, place: list[str], text: str) -> object:
        """What the reference ``text`` at ``place`` stands for."""
        found = REFERENCE.fullmatch(text) if len(text) <= MAX_REFERENCE else None
        if found and self._references_left:
            self._references_left -= 1
            dots, rest = found.groups()  # one dot: beside it; two: a level up; no dot: from the top
            base = place[: len(place) - len(dots)] if dots else []
            value = self._follow(".".join([*base, rest]))
            if value is not None:
                return value
        raise invalid(
            self._path,
            f"its config's {'.'.join(place)} is the unresolved reference {text!r:.80}",
            "Write the value into hyper_parameters.config (OmegaConf.resolve) and save the file "
            "again, in a place where you trust it.",
        )

    def text(self, dotted: str) -> str:
        value = self.value(dotted)
        return value if isinstance(value, str) else self._refuse(dotted, value, "a string")

    def boolean(self, dotted: str) -> bool:
        value = self.value(dotted)
        return value if isinstance(value, bool) else self._refuse(dotted, value, "true or false")

    def integer(self, dotted: str) -> int:
        value = self.value(dotted)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
        return self._refuse(dotted, value, "a positive integer")

    def _refuse(self, dotted: str, value: object, expected: str) -> NoReturn:
        raise invalid(
            self._path,
            f"its config's {dotted} is {shown(value)}, not {expected}",
            f"Give a checkpoint whose hyper_parameters.config has {dotted}.",
        )


def mapping(value: object) -> Mapping[str, object] | None:
    """Return the string keys of a dict, or of a record that was filled like one (OrderedDict,
    AttributeDict)."""
    entries = value.entries if isinstance(value, Made) else value
    if not isinstance(entries, dict):
        return None
    return {key: item for key, item in entries.items() if isinstance(key, str)}


def entry(value: object, key: str) -> object:
    """Return what ``mapping`` has for ``key``, or ``None``; without a copy of the rest."""
    entries = value.entries if isinstance(value, Made) else value
    return entries.get(key) if isinstance(entries, dict) else None


def unwrap(node: object) -> object:
    """Return what an OmegaConf node holds: a container's ``_content``, a leaf's ``_val``, else the
    node itself."""
    for _ in range(4):  # nodes do not nest without a key between; a cycle must end
        state = state_of(node)
        if "_content" in state:
            node = state["_content"]
        elif "_val" in state:
            node = state["_val"]
        else:
            break
    return node


def state_of(node: object) -> dict[object, object]:
    state = node.state if isinstance(node, Made) else None
    if isinstance(state, tuple) and state:  # (attributes, slots)
        state = state[0]
    return state if isinstance(state, dict) else {}


def has_mask_token(tokenizer: object) -> bool:
    """Whether a pickled Hugging Face tokenizer names a mask token, in any of the ways that its
    library has used."""
    state = state_of(tokenizer)
    named = mapping(state.get("_special_tokens_map")) or {}
    init = mapping(state.get("init_kwargs")) or {}
    candidates = (state.get("_mask_token"), named.get("mask_token"), init.get("mask_token"))
    return any(candidate is not None for candidate in candidates)
