"""The zip files that ``torch.save`` writes, opened without ``torch.load``.

``NAME/data.pkl`` is a pickle in which every tensor is a call of ``torch._utils._rebuild_tensor_v2``
on a storage; the storage's bytes are the uncompressed entry ``NAME/data/KEY``. The pickle is read
as data (``pickle_data``) and only the storages that are asked for are read, straight into the
tensor's memory.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from remdm_backend.checkpoint.contents import invalid
from remdm_backend.checkpoint.pickle_data import (
    MAX_BYTES,
    Made,
    Name,
    Persistent,
    PickleDataError,
    read_pickle,
)

REBUILD_TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = Name("torch._utils", "_rebuild_parameter")
ORDERED_DICT = Name("collections", "OrderedDict")
STORAGE_DTYPES = {
    Name("torch", "FloatStorage"): torch.float32,
    Name("torch", "HalfStorage"): torch.float16,
    Name("torch", "BFloat16Storage"): torch.bfloat16,
}
READ_CHUNK = 4 << 20
_ZIP_ERRORS = (
    zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, OverflowError, RuntimeError,
    UnicodeDecodeError, ValueError, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """A contiguous tensor that lies in the archive: ``numel`` elements of storage ``key``."""

    key: str
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


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
            self._prefix = self._find_prefix(entries)
            order = self._prefix + "byteorder"
            if order in entries and archive.read(order).strip() != b"little":
                raise invalid(path, "its numbers are not little-endian")
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
        """Only uncompressed entries: their size cannot exceed the file's, so none can be a bomb."""
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise invalid(self.path, f"its entry {entry.filename} is compressed")
        if entry.file_size > self.path.stat().st_size:
            raise invalid(self.path, f"its entry {entry.filename} is larger than the file")
        return entry

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except _ZIP_ERRORS as error:
            raise invalid(self.path, f"the file is truncated or damaged ({error})") from error

    def tensor(self, value: object, name: str) -> StoredTensor:
        """The tensor that ``value`` stands for. Raises ``BackendError`` if it is none, or not one
        that fits its storage."""
        match value:
            case Made(maker=maker, args=(data, bool(), hooks)) if (
                maker == REBUILD_PARAMETER and is_empty_dict(hooks)
            ):
                value = data
        match value:
            case Made(
                maker=maker,
                args=(Persistent(pid), int(offset), tuple(shape), tuple(stride), bool(), hooks),
            ) if maker == REBUILD_TENSOR and is_empty_dict(hooks):
                pass
            case Made(maker=maker):
                what = maker if isinstance(maker, Name) else "what another call would return"
                raise invalid(
                    self.path, f"{name} is not a tensor but a call of {what}, which is never run"
                )
            case _:
                raise invalid(self.path, f"{name} is not a tensor")
        match pid:
            case ("storage", Name() as storage, str(key), _, int(count)):
                pass
            case _:
                raise invalid(self.path, f"{name} refers to something that is no storage")
        if storage not in STORAGE_DTYPES:
            raise invalid(self.path, f"{name} holds {storage} elements, not floating-point numbers")
        sizes = [size for size in shape if isinstance(size, int) and 0 < size < 2**40]
        if len(sizes) != len(shape) or list(stride) != contiguous(sizes):
            raise invalid(self.path, f"{name} has an unusual shape or memory layout")
        tensor = StoredTensor(key, STORAGE_DTYPES[storage], offset, tuple(sizes))
        held = self._entries[key].file_size if key in self._entries else 0
        if held != count * tensor.dtype.itemsize:
            raise invalid(
                self.path, f"{name} claims {count:,} elements, but the file holds {held:,} bytes"
            )
        if offset < 0 or offset + tensor.numel > count:
            raise invalid(self.path, f"{name} reaches outside its storage")
        return tensor

    def read(self, tensor: StoredTensor) -> Tensor:
        """Fetch the tensor into new memory; a damaged storage fails its checksum and raises."""
        out = torch.empty(tensor.shape, dtype=tensor.dtype)
        view = out.view(-1).view(torch.uint8).numpy()
        with self._open() as archive, archive.open(self._stored(self._entries[tensor.key])) as file:
            if tensor.offset:
                file.seek(tensor.offset * tensor.dtype.itemsize)
            done = 0
            while done < len(view):
                chunk = file.read(min(READ_CHUNK, len(view) - done))
                if not chunk:
                    raise EOFError("it ends too early")
                view[done : done + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
                done += len(chunk)
        return out


def is_empty_dict(hooks: object) -> bool:
    """What stands where a tensor's backward hooks would: torch writes an empty ``OrderedDict``."""
    return isinstance(hooks, Made) and hooks.maker == ORDERED_DICT and not hooks.args


def contiguous(shape: list[int]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def require_zip(path: Path) -> None:
    """Tell a torch zip file from its lookalikes by the first bytes."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        return
    if not head:
        raise invalid(path, "the file is empty")
    if head[0] == 0x80 or head[:5] == b"\x8a\x0al\xfc\x9c":
        raise invalid(
            path,
            "a bare pickle or a file of PyTorch before 1.6, which are not opened",
            "Save it again with torch.save of a current PyTorch, in a place where you trust it.",
        )
    raise invalid(
        path, "not a checkpoint: it does not begin as a torch.save or Lightning file does"
    )
