"""From a text file to batches of tokens: a byte-level BPE tokenizer, a split, random windows."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

END_OF_TEXT = "<|endoftext|>"
CHUNK = 1 << 16
"""Characters handed to the tokenizer at a time; a file without line breaks would else be one word
list."""


@dataclass(frozen=True)
class Corpus:
    """``train`` and ``validation`` are one-dimensional int64 token streams.

    ``tokenizer_json`` is the tokenizer in Hugging Face's format, ``tokens`` its number of tokens.
    The mask is not one of them: it is the index after the last.
    """

    train: Tensor
    validation: Tensor
    tokenizer_json: str
    tokens: int

    @property
    def mask_id(self) -> int:
        return self.tokens


def build_corpus(text: str, *, vocab: int, length: int, validation_share: float) -> Corpus:
    """Train the tokenizer on the training part of ``text``, then encode both parts.

    The split is at a line break near ``1 - validation_share``; the validation text is the end of
    the file. Each part ends with ``<|endoftext|>``. Raises ``ValueError`` if a part is shorter than
    one window of ``length`` tokens, ``ImportError`` without the ``tokenizers`` package.
    """
    cut = text.rfind("\n", 0, int(len(text) * (1 - validation_share))) + 1
    parts = [text[:cut], text[cut:]]
    # Imported here: only the trainer needs it, and it is not among the backend's own dependencies.
    hf = importlib.import_module("tokenizers")
    tokenizer = hf.Tokenizer(hf.models.BPE())
    tokenizer.pre_tokenizer = hf.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = hf.decoders.ByteLevel()
    trainer = hf.trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=hf.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chunks(parts[0]), trainer)
    end = tokenizer.token_to_id(END_OF_TEXT)
    streams = [
        torch.tensor([i for chunk in chunks(part) for i in tokenizer.encode(chunk).ids] + [end])
        for part in parts
    ]
    for name, stream in zip(("training", "validation"), streams, strict=True):
        if len(stream) <= length:
            raise ValueError(
                f"the {name} text has {len(stream)} tokens, fewer than one window of {length}: "
                "give a longer text, a shorter --length or another --validation-share"
            )
    return Corpus(streams[0], streams[1], tokenizer.to_str(), tokenizer.get_vocab_size())


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
    """``[batch, length]`` windows that start anywhere in the stream."""
    starts = torch.randint(len(stream) - length + 1, (batch,), generator=generator)
    return torch.stack([stream[start : start + length] for start in starts.tolist()])


def even_windows(stream: Tensor, length: int, most: int) -> Tensor:
    """At most ``most`` windows ``[n, length]``, spread evenly and without overlap where
    possible."""
    count = min(most, len(stream) // length)
    starts = torch.linspace(0, len(stream) - length, count).long()
    return torch.stack([stream[start : start + length] for start in starts.tolist()])


def read_text(path: Path) -> str:
    """The file as UTF-8; raises ``OSError`` or ``UnicodeDecodeError``."""
    return path.read_text(encoding="utf-8")
