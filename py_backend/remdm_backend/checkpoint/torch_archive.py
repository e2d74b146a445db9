"""The zip files that ``torch.save`` writes, opened without ``torch.load``.

``NAME/data.pkl`` is a pickle in which every tensor is a call on a storage (``stored_tensor``); the
storage's bytes are the uncompressed entry ``NAME/data/KEY``. The pickle is read as data
(``pickle_data``) and only the storages that are asked for are read, straight into the tensor's
memory.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from remdm_backend.checkpoint.contents import damaged, invalid
from remdm_backend.checkpoint.file_kind import require_zip
from remdm_backend.checkpoint.pickle_data import MAX_BYTES, PickleDataError, read_pickle
from remdm_backend.checkpoint.stored_tensor import StoredTensor, stored_tensor

READ_CHUNK = 4 << 20
MAX_ENTRIES = 20_000
"""Of an archive; a checkpoint has one for each tensor and a few more."""
MAX_WORD_BYTES = 64
"""Of the entry that names the order of bytes."""
_ZIP_ERRORS = (
    zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, OverflowError, RuntimeError,
    UnicodeDecodeError, ValueError, struct.error,
)  # fmt: skip


class TorchArchive:
    """``root`` is what was saved, as data; ``tensor`` recognises tensors in it, ``read`` fetches
    one."""

    def __init__(self, path: Path) -> None:
        """Raises ``BackendError`` ``checkpoint_invalid``, or ``OSError`` if the file cannot be
        read."""
        self.path = path
        require_zip(path)
        with self._open() as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) > MAX_ENTRIES:
                raise invalid(path, f"it has {len(entries):,} entries, more than {MAX_ENTRIES:,}")
            if not any(entry.CRC for entry in entries.values()):
                # torch.serialization.set_crc32_options(False): there is nothing to check against,
                # which zipfile takes for a checksum of 0 unless the entry has no checksum.
                for entry in entries.values():
                    del entry.CRC
            self._prefix = self._find_prefix(entries)
            order = self._prefix + "byteorder"
            if order in entries and self._word(archive, entries[order]) != b"little":
                raise invalid(
                    path,
                    "its numbers are not little-endian",
                    "Save it on a little-endian machine; almost all are.",
                )
            self._entries = {
                name.removeprefix(self._prefix + "data/"): entry
                for name, entry in entries.items()
                if name.startswith(self._prefix + "data/")
            }
            pickled = self._stored(entries[self._prefix + "data.pkl"])
            if pickled.file_size > MAX_BYTES:
                raise invalid(path, f"its pickle has {pickled.file_size:,} bytes, too many")
            data = archive.read(pickled)
        try:
            self.root = read_pickle(data)
        except PickleDataError as error:
            raise invalid(path, str(error)) from error

    def _word(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
        """Read an entry of one word."""
        if self._stored(entry).file_size > MAX_WORD_BYTES:
            raise damaged(self.path, f"its entry {entry.filename} is no word")
        return archive.read(entry).strip()

    def _find_prefix(self, entries: dict[str, zipfile.ZipInfo]) -> str:
        prefixes = [n.removesuffix("data.pkl") for n in entries if n.endswith("/data.pkl")]
        if len(prefixes) != 1:
            raise invalid(
                self.path,
                "a zip file, but not one that torch.save writes",
                "Give the .ckpt file itself, not an archive that contains it.",
            )
        if prefixes[0] + "constants.pkl" in entries:
            raise invalid(
                self.path,
                "a TorchScript program, not a checkpoint",
                "Give a Lightning .ckpt file or a directory with model.safetensors and card.json.",
            )
        return prefixes[0]

    def _stored(self, entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
        """Only uncompressed entries: their size cannot exceed the file's, so no entry can be a
        bomb."""
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise invalid(
                self.path,
                f"its entry {entry.filename} is compressed, as torch.save never writes one",
                "Save it again with torch.save, or pack it without compression (zip -0).",
            )
        if entry.file_size > self.path.stat().st_size:
            raise damaged(self.path, f"its entry {entry.filename} is larger than the file")
        return entry

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except _ZIP_ERRORS as error:
            raise damaged(self.path, error) from error

    def tensor(self, value: object, name: str) -> StoredTensor:
        """Return the tensor that ``value`` stands for. Raises ``BackendError`` if it is no tensor,
        or one that fits its storage."""
        return stored_tensor(self.path, value, name, self._held)

    def _held(self, key: str) -> int:
        return self._entries[key].file_size if key in self._entries else 0

    def read(self, tensor: StoredTensor) -> Tensor:
        """Fetch the tensor into new memory; a damaged storage fails its checksum and raises."""
        out = torch.empty(tensor.span, dtype=tensor.dtype)
        done = 0
        for part in self._span(tensor):
            out[done : done + len(part)] = part
            done += len(part)
        return out.as_strided(tensor.shape, tensor.stride).contiguous()

    def parts(self, tensor: StoredTensor) -> Iterator[Tensor]:
        """Give the numbers of the tensor in order, ``[n]`` at a time; one that is not contiguous
        at once. Raises as ``read``."""
        if tensor.is_contiguous:
            return self._span(tensor)
        return iter((self.read(tensor).flatten(),))

    def _span(self, tensor: StoredTensor) -> Iterator[Tensor]:
        """The storage from the tensor's first number to its last."""
        size = tensor.dtype.itemsize
        with self._open() as archive, archive.open(self._stored(self._entries[tensor.key])) as file:
            if tensor.offset:
                file.seek(tensor.offset * size)
            left = tensor.span * size
            while left:
                chunk = bytearray()
                while len(chunk) < min(READ_CHUNK, left):
                    some = file.read(min(READ_CHUNK, left) - len(chunk))
                    if not some:
                        raise EOFError("it ends too early")
                    chunk += some
                left -= len(chunk)
                yield torch.frombuffer(chunk, dtype=tensor.dtype)
