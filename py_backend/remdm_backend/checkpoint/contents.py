"""This module defines what a checkpoint file offers, of whatever format, before a weight is
read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from remdm_backend.errors import BackendError
from remdm_backend.model.card import ArchitectureName, Format, Kind, Weights
from remdm_backend.model.memory import is_out_of_memory


@dataclass(frozen=True)
class Contents:
    """Facts from the file's configuration, and its tensors by name.

    ``shapes`` and ``parts`` use the names of the network's state dict; the rotary frequencies may
    be absent. ``parts`` gives the numbers of one tensor in order, as stored (float64, float32,
    float16 or bfloat16), in parts of any shape; a part is good until the next one. It raises
    ``BackendError`` if the bytes are damaged. ``vocab_size`` is ``None`` where the file's
    configuration does not say it.
    """

    path: Path
    format: Format
    kind: Kind
    architecture: ArchitectureName
    length: int
    time_conditioning: bool
    n_heads: int
    weights: Weights
    shapes: Mapping[str, tuple[int, ...]]
    parts: Callable[[str], Iterator[Tensor]]
    vocab_size: int | None = None
    mask_id: int | None = None
    subs_masking: bool = False
    block_length: int | None = None
    shards: tuple[Path, ...] = ()
    """The files that hold the tensors, where it is not ``path`` itself."""

    def read(self, name: str) -> Tensor:
        """Read a whole tensor as stored, into memory of its own. Raises as ``parts``."""
        shape = self.shapes[name]
        numbers, done = torch.empty(0), 0
        for part in self.parts(name):
            if done == 0:
                numbers = torch.empty(math.prod(shape), dtype=part.dtype)
            numbers[done : done + part.numel()] = part.flatten()
            done += part.numel()
        assert done == len(numbers)  # its shape was checked
        return numbers.view(shape)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the tensors."""
        return self.shards or (self.path,)

    @property
    def size(self) -> int:
        """Bytes of ``files``."""
        return sum(file.stat().st_size for file in self.files)


READABLE = (
    "Give a checkpoint that remdm reads: a Lightning .ckpt file of MDLM, ReMDM or a sibling, or a "
    "directory with model.safetensors and card.json (ours) or config.json (Hugging Face)."
)

NOT_FINITE = "Give a checkpoint from before its training diverged."


MAX_SHOWN = 80
"""Characters of a text in a message."""
MAX_DIGITS_SHOWN = 20


def shown(value: object) -> str:
    """Say what a setting is. Of what is no text, number or constant only the type: a list may hold
    itself twice at each level, and to print it would take all memory."""
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN]) + ("..." if len(value) > MAX_SHOWN else "")
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS_SHOWN:
        return "a huge integer"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return type(value).__name__


def invalid(path: Path, what: str, remedy: str = READABLE) -> BackendError:
    """Make the error for a file whose bytes may be whole and which is no checkpoint of ours."""
    return BackendError("checkpoint_invalid", f"{path}: {what}.", remedy)


def damaged(path: Path, what: object) -> BackendError:
    """Make the error for a file whose bytes are not the ones that were written: a copy may help."""
    return BackendError(
        "checkpoint_invalid",
        f"{path}: the file is truncated or damaged ({what}).",
        "Download or copy the checkpoint again, or give the path of another one.",
    )


def unreadable(path: Path, error: OSError) -> BackendError:
    """Make the error for a file that the operating system does not let us read."""
    return BackendError(
        "checkpoint_invalid",
        f"{path} cannot be read ({error.strerror or error}).",
        "Check the file's permissions and the disk.",
    )


def unsupported(path: Path, what: str, remedy: str) -> BackendError:
    """Make the error for a sound checkpoint of a kind that this backend does not run."""
    return BackendError("checkpoint_unsupported", f"{path}: {what}.", remedy)


def no_memory(path: Path, device: torch.device) -> BackendError:
    """Make the error for weights that do not fit."""
    return BackendError(
        "out_of_memory",
        f"The weights of {path} do not fit the memory of {device}.",
        "Load them as bfloat16, or use a device with more memory.",
    )


@contextmanager
def memory_errors(path: Path, device: torch.device) -> Iterator[None]:
    """Turn a lack of memory within the block into a ``BackendError``."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise no_memory(path, device) from error
