#!/bin/sh
# One would guess: torch.rand in bfloat16 is uniform up to rounding, so `rand < p` is true with
# probability p where bfloat16 holds p exactly.
# What happens on the CPU: about one number in 512 is exactly 0, and `rand < 2**-9` is true twice as
# often as it should be, `rand < 2**-12` nine times. torch.bernoulli of the same p is right.
# Who is hurt: whoever masks few tokens by `torch.rand_like(x) < p`, or takes logarithms of such
# numbers for Gumbel noise: the noise of one token in 512 is -Infinity.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import torch

print("torch", torch.__version__)
generator = torch.Generator().manual_seed(0)
size = 1 << 22
rates = {}
for kind in (torch.float32, torch.bfloat16):
    uniform = torch.rand(size, dtype=kind, generator=generator)
    for power in (9, 12):
        rates[kind, power] = (uniform < 2.0**-power).double().mean().item() * 2**power
    rates[kind, "zero"] = (uniform == 0).double().mean().item() * 512
    print(f"{kind}: rand < p over p for p = 2**-9 {rates[kind, 9]:.2f}, for 2**-12", end=" ")
    print(f"{rates[kind, 12]:.2f}; zeros {rates[kind, 'zero']:.2f} in 512")
p = torch.full((size,), 2.0**-9, dtype=torch.bfloat16)
bernoulli = torch.bernoulli(p, generator=generator).double().mean().item() * 2**9
print(f"torch.bfloat16: bernoulli(p) over p for p = 2**-9 {bernoulli:.2f}")
right = (rates[torch.float32, 9], rates[torch.float32, 12], bernoulli)
wrong = (rates[torch.bfloat16, 9] / 2, rates[torch.bfloat16, 12] / 9, rates[torch.bfloat16, "zero"])
sys.exit(not all(abs(rate - 1) < 0.15 for rate in right + wrong) or rates[torch.float32, "zero"] > 0.01)
PYTHON
