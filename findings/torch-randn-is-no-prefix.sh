#!/bin/sh
# One would guess: with one seed, torch.randn(15) is the beginning of torch.randn(16), and that of
# torch.randn(17), as it is with torch.rand.
# What happens on the CPU: from 16 numbers on they are made by another algorithm, and where the
# length is no multiple of 16 the last 16 are drawn again, over numbers that were there already.
# Who is hurt: whoever compares runs whose tensors differ in length only (one token more, another
# batch), or replays part of a noise tensor.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import torch

print("torch", torch.__version__)


def shared(draw, length):
    """How many numbers at the beginning `draw` gives alike for `length` and for one more."""
    first, second = (
        draw(size, generator=torch.Generator().manual_seed(0))[:length]
        for size in (length, length + 1)
    )
    return int((first == second).long().cumprod(0).sum())


seen = {}
for draw in (torch.rand, torch.randn):
    for length in (14, 15, 16, 32):
        seen[draw.__name__, length] = shared(draw, length)
        print(f"{draw.__name__}({length}) and {draw.__name__}({length + 1}) share their first", end=" ")
        print(seen[draw.__name__, length], "numbers")
expected = {("rand", length): length for length in (14, 15, 16, 32)}
expected |= {("randn", 14): 14, ("randn", 15): 0, ("randn", 16): 1, ("randn", 32): 17}
sys.exit(seen != expected)
PYTHON
