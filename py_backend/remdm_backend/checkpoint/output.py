"""A directory that a checkpoint is written into: all of it or nothing.

The files are written under other names and renamed at the end, the card last: a card means a whole
checkpoint. Nothing else in the directory is touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from remdm_backend.checkpoint.safetensors_format import CARD_FILE, MODEL_FILE
from remdm_backend.errors import BackendError

TOKENIZER_FILE = "tokenizer.json"
FILES = (TOKENIZER_FILE, MODEL_FILE, CARD_FILE)
"""In the order in which they get their names."""
PART = ".part"


@contextmanager
def writing(
    out: Path, source: Path, *, force: bool, needed: int
) -> Iterator[Callable[[str], Path]]:
    """Gives the temporary path of each of ``FILES``; those that were written get their names when
    the block ends well, and are removed when not."""
    require_free(out, source, force=force)
    created = not out.exists()
    parts = {name: out / (name + PART) for name in FILES}
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
            require_space(out, needed)
            yield parts.__getitem__
            publish(out, parts)
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)
            if created and out.is_dir() and not any(out.iterdir()):
                out.rmdir()
    except OSError as error:
        raise BackendError(
            "output_failed",
            f"{out} cannot be written ({error.strerror or error}).",
            "Name a directory that you may write to, on a disk with enough room.",
        ) from error


def publish(out: Path, parts: dict[str, Path]) -> None:
    for part in parts.values():
        if part.exists():
            with part.open("rb") as handle:
                os.fsync(handle.fileno())
    (out / CARD_FILE).unlink(missing_ok=True)
    for name, part in parts.items():
        if part.exists():
            part.replace(out / name)
        else:
            (out / name).unlink(missing_ok=True)  # the tokenizer of a model that was there before


def require_free(out: Path, source: Path, *, force: bool) -> None:
    """Raises ``BackendError`` ``output_failed`` where something would be lost."""
    if out.exists() and not out.is_dir():
        raise BackendError(
            "output_failed", f"{out} is a file.", "Name a directory; it need not exist."
        )
    if out.is_dir() and out.samefile(source.parent):
        raise BackendError(
            "output_failed",
            f"{out} is the directory of the checkpoint itself.",
            "Name another directory; the source stays as it is.",
        )
    there = [name for name in FILES if (out / name).exists()]
    if there and not force:
        raise BackendError(
            "output_failed",
            f"{out} has a {there[-1]} already.",
            "Name another directory, or replace the checkpoint in it with --force.",
        )


def require_space(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out).free
    if free < needed:
        raise BackendError(
            "output_failed",
            f"{out} needs {needed:,} bytes, and its disk has {free:,} left.",
            "Free some space, or name a directory on another disk.",
        )
