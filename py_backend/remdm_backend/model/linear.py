"""This layer takes and gives bfloat16, also where the processor has no instructions for it.

PyTorch then multiplies bfloat16 matrices ten times slower than float32 ones. A product of two
bfloat16 numbers is exact in float32, and sums are float32 on every device, so the same layer can be
had in float32 arithmetic: round what goes in, multiply, round what comes out. Only the order of the
sums differs, as it does between any two devices. It takes float32's memory for the weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """``nn.Linear``, of all or some of its outputs."""

    rounds: bool = False
    """Whether it computes bfloat16 in float32; its weights are float32 then, and rounded."""

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x, slice(None))

    def outputs(self, x: Tensor, part: slice) -> Tensor:
        """The outputs ``[..., part]`` of ``x [..., inputs]``."""
        bias = None if self.bias is None else self.bias[part]
        if not self.rounds:
            return F.linear(x, self.weight[part], bias)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.bfloat16().float(), self.weight[part], bias).bfloat16()


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is worth multiplying there."""
    if device.type != "cpu":
        return True
    # Builds without oneDNN, as for Apple's processors, do not have the question either.
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
