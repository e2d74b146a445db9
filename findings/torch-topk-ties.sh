#!/bin/sh
# One would guess: among equal numbers torch.topk takes the first, or the last, always alike.
# What happens on the CPU: which of the equal ones are taken, and in which order, depends on the
# length: the last but one and down for 8 numbers, some from the middle for 64, the first for 300.
# Who is hurt: whoever ports a confidence order (MaskGIT, LLaDA) whose confidences tie, as in
# bfloat16, or at the first step of an untrained network: the same model reveals other positions.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import torch

print("torch", torch.__version__)
seen = {length: torch.topk(torch.zeros(length), 3).indices.tolist() for length in (8, 64, 300)}
for length, indices in seen.items():
    print(f"topk of {length} zeros, k = 3: {indices}")
sys.exit(seen != {8: [6, 5, 4], 64: [42, 43, 44], 300: [0, 1, 2]})
PYTHON
