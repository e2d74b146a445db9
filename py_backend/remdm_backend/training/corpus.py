"""This module makes batches of tokens from a text file: a byte-level BPE, a split, random
windows."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import torch
from torch import Tensor

from remdm_backend.training.objective import Ends

END_OF_TEXT = "<|endoftext|>"
CHUNK = 1 << 16
"""Characters handed to the tokenizer at a time; a file without line breaks would else be one word
list."""


class Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...


class BPE(Protocol):
    """What is used of a ``tokenizers.Tokenizer``."""

    def encode(self, text: str) -> Encoding: ...
    def token_to_id(self, token: str) -> int | None: ...
    def get_vocab_size(self) -> int: ...
    def to_str(self) -> str: ...


@dataclass(frozen=True)
class Corpus:
    """``train`` and ``validation`` are one-dimensional int64 token streams.

    ``tokenizer_json`` is the tokenizer in Hugging Face's format, ``tokens`` its number of tokens.
    The mask is not one of them: it is the index after the last. ``end_id`` is ``<|endoftext|>``.
    """

    train: Tensor
    validation: Tensor
    tokenizer_json: str
    tokens: int
    end_id: int

    @property
    def mask_id(self) -> int:
        return self.tokens

    @property
    def ends(self) -> Ends:
        return Ends(mask_id=self.mask_id, end_id=self.end_id)

    @property
    def fingerprint(self) -> str:
        """Hash all that a run trains on, to tell whether two runs train on the same."""
        digest = hashlib.sha256(self.tokenizer_json.encode())
        for stream in (self.train, self.validation):
            digest.update(stream.numpy().tobytes())
        return digest.hexdigest()


def build_corpus(
    text: str,
    *,
    vocab: int,
    length: int,
    validation_share: float,
    tokenizer: Path | None = None,
) -> Corpus:
    """Train the tokenizer on the training part of ``text``, or take the one given, a
    ``tokenizer.json`` that knows ``<|endoftext|>``; then encode both parts.

    The split is at a line break near ``1 - validation_share``; the validation text is the end of
    the file. Each part ends with ``<|endoftext|>``. Raises ``ValueError`` if a part is shorter than
    one window of ``length`` tokens, ``ImportError`` without the ``tokenizers`` package.
    """
    parts = split_text(text, validation_share)
    # Imported here: only the trainer needs it, and it is not among the backend's own dependencies.
    hf = importlib.import_module("tokenizers")
    bpe = train_bpe(hf, parts[0], vocab) if tokenizer is None else read_bpe(hf, tokenizer)
    end = bpe.token_to_id(END_OF_TEXT)
    if end is None:
        raise ValueError(f"{tokenizer} has no token {END_OF_TEXT}")
    streams = [
        torch.tensor([i for chunk in chunks(part) for i in bpe.encode(chunk).ids] + [end])
        for part in parts
    ]
    for name, stream in zip(("training", "validation"), streams, strict=True):
        if len(stream) <= length:
            raise ValueError(
                f"the {name} text has {len(stream)} tokens, fewer than one window of {length}: "
                "give a longer text, a shorter --length or another --validation-share"
            )
    return Corpus(streams[0], streams[1], bpe.to_str(), bpe.get_vocab_size(), end)


def split_text(text: str, validation_share: float) -> tuple[str, str]:
    """Return the training and the validation part."""
    cut = text.rfind("\n", 0, int(len(text) * (1 - validation_share))) + 1
    return text[:cut], text[cut:]


def read_bpe(hf: ModuleType, path: Path) -> BPE:
    """Read a tokenizer. Raises ``OSError``, or ``ValueError`` if the file holds no tokenizer."""
    text = path.read_text(encoding="utf-8")
    try:
        bpe: BPE = hf.Tokenizer.from_str(text)
    except Exception as error:  # the package raises no class of its own
        raise ValueError(f"{path} is no tokenizer.json: {error}") from error
    return bpe


def train_bpe(hf: ModuleType, text: str, vocab: int) -> BPE:
    """Train a byte-level BPE of ``vocab`` tokens; ``hf`` is the ``tokenizers`` package."""
    bpe = hf.Tokenizer(hf.models.BPE())
    bpe.pre_tokenizer = hf.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = hf.decoders.ByteLevel()
    trainer = hf.trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=hf.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(chunks(text), trainer)
    trained: BPE = bpe
    return trained


def chunks(text: str) -> list[str]:
    """Cut after line breaks into pieces of about ``CHUNK`` characters."""
    pieces: list[str] = []
    start = 0
    while start < len(text):
        cut = text.find("\n", start + CHUNK)
        end = len(text) if cut < 0 else cut + 1
        pieces.append(text[start:end])
        start = end
    return pieces


def random_windows(stream: Tensor, length: int, batch: int, generator: torch.Generator) -> Tensor:
    """Draw ``[batch, length]`` windows that start anywhere in the stream."""
    starts = torch.randint(len(stream) - length + 1, (batch,), generator=generator)
    return torch.stack([stream[start : start + length] for start in starts.tolist()])


def even_windows(stream: Tensor, length: int, most: int) -> Tensor:
    """Cut at most ``most`` windows ``[n, length]``, spread evenly and without overlap where
    possible.
    """
    count = min(most, len(stream) // length)
    starts = torch.linspace(0, len(stream) - length, count).long()
    return torch.stack([stream[start : start + length] for start in starts.tolist()])


def read_text(path: Path) -> str:
    """Read the file as UTF-8. Raises ``OSError`` or ``UnicodeDecodeError``."""
    return path.read_text(encoding="utf-8")
