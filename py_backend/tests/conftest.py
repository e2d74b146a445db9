"""Where the tests find the bundled model, and small checkpoints to read and to break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from make_checkpoint import Recipe, checkpoint_dict, save

# The networks here are small: a second thread that waits for a busy core costs more than it gives.
torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)


@pytest.fixture(scope="session")
def demo() -> Path:
    """The checkpoint that the repository carries."""
    return REPOSITORY / "checkpoints" / "demo"


@pytest.fixture
def content() -> dict[str, Any]:
    """What a small Lightning checkpoint holds, for a test to change before it saves it."""
    return checkpoint_dict(TINY)


@pytest.fixture
def tiny_ckpt(content: dict[str, Any], tmp_path: Path) -> Path:
    """A small Lightning checkpoint."""
    path = tmp_path / "tiny.ckpt"
    save(content, path)
    return path


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
