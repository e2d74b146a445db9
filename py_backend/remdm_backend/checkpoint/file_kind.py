"""This module tells from its first bytes what a file is that is not what its name says."""

from __future__ import annotations

from pathlib import Path

from remdm_backend.checkpoint.contents import damaged, invalid
from remdm_backend.errors import BackendError

ZIP = b"PK\x03\x04"
OLD_TORCH = b"\x8a\x0al\xfc\x9c"
PICKLE = b"\x80"
LFS = b"version https://git-lfs"
HEAD_BYTES = 64
MAX_HEADER = 100_000_000
"""Of safetensors, as its library has it."""


def require_zip(path: Path) -> None:
    """Refuse a file that is no ``torch.save`` archive with a ``BackendError`` that says what it is
    instead."""
    head = head_of(path)
    if head.startswith(ZIP):
        return
    raise other_kind(path, head) or invalid(
        path, "not a checkpoint: it does not begin as a torch.save or Lightning file does"
    )


def not_safetensors(path: Path) -> BackendError | None:
    """Return the error that says what a file is instead of safetensors, where its first bytes
    tell."""
    head = head_of(path)
    return None if is_safetensors(head) else other_kind(path, head)


def other_kind(path: Path, head: bytes) -> BackendError | None:
    """Return the error for a whole file of a known kind; ``None`` where the first bytes say
    nothing.
    """
    if not head:
        return damaged(path, "it is empty")
    if head.startswith(LFS):
        return invalid(
            path,
            "a pointer of Git LFS, which stands for the file that was left on the server",
            "Run `git lfs pull` where it was cloned, or download the file itself.",
        )
    if is_safetensors(head):
        return invalid(
            path,
            "a safetensors file, not one of torch.save",
            "Give it a name that ends in .safetensors, beside its card.json or config.json.",
        )
    if head.lstrip()[:1] == b"<":
        return invalid(
            path,
            "a page of HTML or XML, not a checkpoint",
            "Download the file itself: a page that links to it was saved.",
        )
    if head.startswith(ZIP):
        return invalid(
            path,
            "a zip archive as torch.save writes it, not safetensors",
            "Give it a name that ends in .ckpt.",
        )
    if head.startswith((PICKLE, OLD_TORCH)):
        return invalid(
            path,
            "a bare pickle or a file of PyTorch before 1.6, which are not opened",
            "Save it again with torch.save of a current PyTorch, in a place where you trust it.",
        )
    return None


def is_safetensors(head: bytes) -> bool:
    """Whether ``head`` is eight bytes with the length of a header, which is JSON and at most 100 MB
    by the format."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER


def head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
