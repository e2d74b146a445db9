"""A forward pass of the original, recorded, and our network beside it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from remdm_backend.checkpoint.load import load_network

TOLERANCE = 1e-4
"""Absolute, on log-probabilities above -50 (reference/README.md)."""


class Golden:
    """One recorded forward pass: the network, its inputs, and the original's output [rows, V]."""

    def __init__(self, shared: Path, model: str, ema: bool, t: float | None) -> None:
        reference = shared / "reference"
        cases = json.loads((reference / "forward.json").read_text())
        key = (model, ema, t)
        case = next(c for c in cases if (c["model"], c["ema"], c["t"]) == key)
        self.network = load_network(
            reference / "checkpoints" / case["checkpoint"], device="cpu", raw_weights=not ema
        )
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
