"""What the original computed (test/golden/README.md), and our network beside it."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from remdm_backend.checkpoint.load import load_network

DIRECTORY = Path(__file__).resolve().parents[2] / "test" / "golden"
TOLERANCE = 1e-4
"""Absolute, on log-probabilities above -50 (test/golden/README.md)."""


def golden_checkpoint(kind: str) -> Path:
    """The checkpoint that the original trained and saved."""
    return DIRECTORY / "checkpoints" / f"{kind}.ckpt"


class Golden:
    """One recorded forward pass: the network, its inputs, and the original's output [rows, V]."""

    def __init__(self, model: str, ema: bool, t: float | None) -> None:
        with gzip.open(DIRECTORY / "forward.json.gz") as file:
            cases = json.load(file)
        key = (model, ema, t)
        case = next(c for c in cases if (c["model"], c["ema"], c["t"]) == key)
        path = golden_checkpoint(model)
        self.network = load_network(path, device="cpu", raw_weights=not ema)
        self.tokens = torch.tensor(case["x"])
        self.sigma = torch.tensor(case["sigma"] or [0.0] * len(self.tokens))
        length = self.tokens.shape[1]
        positions = torch.tensor(case["positions"])
        self.rows = (torch.arange(len(self.tokens))[:, None] * length + positions).flatten()
        self.at_rows = self.tokens.flatten()[self.rows]
        values = np.frombuffer(base64.b64decode(case["output"]), dtype="<f4").copy()
        self.output = torch.from_numpy(values).view(len(self.rows), -1)

    def assert_equal(self) -> None:
        self.assert_output(self.network.log_probs(self.tokens, self.sigma, self.rows))

    def assert_output(self, output: Tensor) -> None:
        assert output.shape == self.output.shape
        sensible = self.output > -50
        assert sensible.any()
        worst = (output - self.output)[sensible].abs().max().item()
        assert worst < TOLERANCE
        assert (output[~sensible] < -50).all()
