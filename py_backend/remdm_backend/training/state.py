"""This module has what a training run carries from step to step, and how that is saved.

The random numbers of a step are keyed by (seed, step), so the state holds no generator: a resumed
run draws what the uninterrupted one would have drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from remdm_backend.training.options import Recipe

SEED_STRIDE = 1_000_003


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return the CPU generator of one step; -1 is the weights' step, -2 the validation noise's."""
    return torch.Generator().manual_seed(seed * SEED_STRIDE + step + 2)


class MovingAverage:
    """Exponential moving average of parameters with the original's warm-up: decay (1 + n) / (10 +
    n) at first."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: p.detach().clone() for name, p in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in network.named_parameters():
            self.shadow[name].lerp_(parameter.detach(), 1 - decay)

    def round_to(self, dtype: torch.dtype) -> None:
        """Keep only the precision of ``dtype``, still as float32."""
        self.shadow = {name: value.to(dtype).float() for name, value in self.shadow.items()}


class Run:
    """Network, moving average and optimizer after ``step`` steps."""

    def __init__(
        self, network: nn.Module, recipe: Recipe, corpus: str, init: str | None = None
    ) -> None:
        """``corpus`` is the fingerprint of what it trains on, ``init`` the one of the weights it
        began with, if they were given."""
        self.network = network
        self.recipe = recipe
        self.corpus = corpus
        self.init = init
        self.step = 0
        self.seconds = 0.0
        self.average = MovingAverage(network, recipe.ema)
        matrices = [p for p in network.parameters() if p.ndim >= 2]
        vectors = [p for p in network.parameters() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=recipe.lr,
            betas=(0.9, 0.98),
        )

    def save(self, path: Path) -> None:
        state = {
            "recipe": asdict(self.recipe),
            "corpus": self.corpus,
            "init": self.init,
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.shadow,
            "updates": self.average.updates,
        }
        write_atomically(path, lambda temporary: torch.save(state, temporary))

    def load(self, path: Path) -> None:
        """Continue from a saved state. Raises ``ValueError`` if it was started with another
        recipe."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        ours = asdict(self.recipe)
        differing = [key for key, value in ours.items() if state["recipe"].get(key) != value]
        if differing:
            named = ", ".join(f"{k} {state['recipe'].get(k)} -> {ours[k]}" for k in differing)
            raise ValueError(
                f"{path} was started with other options ({named}): give those again, "
                "or delete the file to start over"
            )
        if state["corpus"] != self.corpus:
            raise ValueError(
                f"{path} was started with another text or tokenizer: give those again, "
                "or delete the file to start over"
            )
        if state.get("init") != self.init:
            raise ValueError(
                f"{path} was started with other weights (--init): give those again, "
                "or delete the file to start over"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        averages: dict[str, Tensor] = state["average"]
        for name, value in averages.items():
            self.average.shadow[name].copy_(value)
        self.average.updates = state["updates"]


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, flush to disk, rename over it: a crash leaves the old file or the new
    one."""
    temporary = path.with_name(path.name + ".part")
    write(temporary)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
