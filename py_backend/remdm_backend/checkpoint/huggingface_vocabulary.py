"""This module finds a Hugging Face model's mask, and which columns of its logits are tokens.

The embedding is often padded to a round number beyond the tokenizer, and a vocabulary may have
holes: such a column stands for no text and must never be drawn.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from remdm_backend.checkpoint.contents import invalid
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    FIX,
    JsonObject,
    token_text,
)

TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILE, ADDED_FILE = "vocab.json", "added_tokens.json"
"""What a model has in place of ``tokenizer.json`` whose tokenizer is written in Python."""
SPECIAL_TOKENS_FILES = ("tokenizer_config.json", "special_tokens_map.json")
MAX_TOKENIZER_BYTES = 256 << 20


class Vocabulary:
    """The ids of the tokens in the ``tokenizer.json`` of ``directory``, or in the files that stand
    for it; empty if there is neither.

    Raises ``BackendError`` ``checkpoint_invalid``; ``OSError`` if a file is unreadable.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        path = directory / TOKENIZER_FILE
        self.ids: dict[str, int] = _ids(path) if path.is_file() else _ids_in_parts(directory)

    def mask_id(self, config: JsonObject, vocab_size: int) -> int:
        """Return ``config``'s ``mask_token_id``, else the id of the mask token that the tokenizer's
        settings name."""
        if config.fields.get("mask_token_id") is not None:
            return config.integer("mask_token_id", least=0, below=vocab_size)
        token = self._mask_token()
        if token is None:
            raise invalid(
                self._directory,
                "no mask token is known: neither mask_token_id in config.json nor mask_token in "
                "tokenizer_config.json or special_tokens_map.json",
                "Give a masked language model; if it is one, add mask_token_id to its config.json.",
            )
        mask_id = self.ids.get(token)
        if mask_id is None or mask_id >= vocab_size:
            raise invalid(
                self._directory,
                f"its mask token {token!r:.40} has no id below {vocab_size} in {TOKENIZER_FILE}",
                f"Add mask_token_id to {CONFIG_FILE}, or the {TOKENIZER_FILE} that belongs to it.",
            )
        return mask_id

    def without_token(self, vocab_size: int) -> Tensor | None:
        """Return ``[vocab_size]``, true at columns that no token has; ``None`` where every column
        has one or no tokenizer says."""
        if not self.ids:
            return None
        absent = torch.ones(vocab_size, dtype=torch.bool)
        absent[[index for index in self.ids.values() if index < vocab_size]] = False
        return absent if absent.any() else None

    def _mask_token(self) -> str | None:
        for name in SPECIAL_TOKENS_FILES:
            path = self._directory / name
            if path.is_file():
                token = token_text(JsonObject(path).fields.get("mask_token"))
                if token is not None:
                    return token
        return None


def _ids(path: Path) -> dict[str, int]:
    tokenizer = JsonObject(path, MAX_TOKENIZER_BYTES)
    model = tokenizer.fields.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    found: list[tuple[object, object]]
    if isinstance(vocab, dict):
        found = list(vocab.items())
    elif isinstance(vocab, list):  # Unigram: [token, score], the id is the place
        found = [
            (entry[0], index)
            for index, entry in enumerate(vocab)
            if isinstance(entry, list) and entry
        ]
    else:
        raise invalid(path, "it has no vocabulary", FIX)
    added = tokenizer.fields.get("added_tokens")
    for entry in added if isinstance(added, list) else []:
        if isinstance(entry, dict):
            found.append((entry.get("content"), entry.get("id")))
    return _checked(path, found)


def _ids_in_parts(directory: Path) -> dict[str, int]:
    path = directory / VOCABULARY_FILE
    if not path.is_file():
        return {}
    found: list[tuple[object, object]] = list(JsonObject(path, MAX_TOKENIZER_BYTES).fields.items())
    added = directory / ADDED_FILE
    if added.is_file():
        found += JsonObject(added, MAX_TOKENIZER_BYTES).fields.items()
    settings = directory / SPECIAL_TOKENS_FILES[0]
    decoder = JsonObject(settings).fields.get("added_tokens_decoder") if settings.is_file() else {}
    for index, entry in decoder.items() if isinstance(decoder, dict) else ():
        if isinstance(entry, dict) and index.isdecimal():
            found.append((entry.get("content"), int(index)))
    return _checked(path, found)


def _checked(path: Path, found: list[tuple[object, object]]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for token, index in found:
        if not isinstance(token, str) or type(index) is not int or index < 0:
            raise invalid(path, f"{token!r:.40} has the id {index!r:.40}, which is not an id", FIX)
        ids[token] = index
    return ids
