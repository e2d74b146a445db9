"""This module writes a checkpoint into a directory: all of it or nothing.

The files are written under names that nobody else has and renamed at the end, the card last: a card
means a whole checkpoint. Nothing else in the directory is touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from remdm_backend.checkpoint.card_file import CARD_FILE
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE
from remdm_backend.errors import BackendError
from remdm_backend.host.lifetime import signals_ignored

TOKENIZER_FILE = "tokenizer.json"
FILES = (TOKENIZER_FILE, MODEL_FILE, CARD_FILE)
"""In the order in which they get their names."""


@contextmanager
def writing(
    out: Path, source: Path, *, force: bool, needed: int
) -> Iterator[Callable[[str], Path]]:
    """Give an empty file to write each of ``FILES`` into.

    The files that were asked for get their names when the block ends well. Otherwise they are
    removed, as are directories that were made.
    """
    require_free(out, source, force=force)
    made = [path for path in (out, *out.parents) if not path.exists()]
    parts: dict[str, Path] = {}

    def part(name: str) -> Path:
        parts[name] = unused(out, name, "part")
        parts[name].touch(exist_ok=False)  # nor does it follow a link
        return parts[name]

    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
            require_space(out, needed)
            yield part
            # From here on a signal is too late; half of the files would be worse.
            with signals_ignored(), locked(out):
                require_free(out, source, force=force)
                publish(out, parts)
        finally:
            for path in parts.values():
                path.unlink(missing_ok=True)
            for path in made:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
    except OSError as error:
        raise BackendError(
            "output_failed",
            f"{out} cannot be written ({error.strerror or error}).",
            "Name a directory that you may write to, on a disk with enough room.",
        ) from error


def unused(out: Path, name: str, what: str) -> Path:
    return out / f"{name}.{secrets.token_hex(6)}.{what}"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep others from publishing into ``out`` during the block."""
    handle = os.open(out, os.O_RDONLY)
    try:
        # Some network disks have no locks; there two at once are the user's to avoid.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def publish(out: Path, parts: dict[str, Path]) -> None:
    """Give ``parts`` their names instead of what has them, the tokenizer of another model included.

    Raises ``OSError``; then ``out`` has what it had.
    """
    for part in parts.values():
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
    old: dict[str, Path] = {}
    placed: list[Path] = []
    try:
        for name in reversed(FILES):
            if os.path.lexists(out / name):
                old[name] = (out / name).replace(unused(out, name, "old"))
        for name in FILES:
            if name in parts:
                placed.append(parts[name].replace(out / name))
    except OSError:
        for path in placed:
            path.unlink()
        for name in reversed(old):  # the card last
            old[name].replace(out / name)
        raise
    for path in old.values():
        path.unlink()


def require_free(out: Path, source: Path, *, force: bool) -> None:
    """Refuse with ``output_failed`` (``BackendError``) where something would be lost."""
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
    there = [name for name in FILES if os.path.lexists(out / name)]
    for name in there:
        if not (out / name).is_file():
            raise BackendError(
                "output_failed",
                f"{out / name} is there and is no file.",
                "Name another directory, or move it away.",
            )
    if there and not force:
        raise BackendError(
            "output_failed",
            f"{out} has a {there[-1]} already.",
            "Name another directory, or replace the checkpoint in it with the option `force`.",
        )


def require_space(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out).free
    if free < needed:
        raise BackendError(
            "output_failed",
            f"{out} needs {needed:,} bytes, and its disk has {free:,} left.",
            "Free some space, or name a directory on another disk.",
        )
