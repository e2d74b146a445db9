"""The tiny BD3-LM that its authors' code saved, and what that code made of it
(``test/golden/README.md``)."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from golden import DIRECTORY
from torch import Tensor

CHECKPOINT = DIRECTORY / "llm" / "bd3lm"
BLOCK, CONTEXT, VOCAB = 4, 32, 513
MASK = VOCAB - 1


def golden_bd3lm() -> dict[str, Any]:
    with gzip.open(DIRECTORY / "llm" / "bd3lm.json.gz") as file:
        recorded: dict[str, Any] = json.load(file)
    return recorded


def values(packed: str, *shape: int) -> Tensor:
    numbers = np.frombuffer(base64.b64decode(packed), dtype="<f4").copy()
    return torch.from_numpy(numbers).view(*shape)


def changed(directory: Path, **settings: object) -> Path:
    """A copy of the checkpoint, with these settings in its config; ``None`` leaves one out."""
    shutil.copytree(CHECKPOINT, directory)
    file = directory / "config.json"
    config = json.loads(file.read_text()) | settings
    kept = {key: value for key, value in config.items() if value is not None}
    file.write_text(json.dumps(kept))
    return directory
