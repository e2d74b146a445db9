#!/bin/sh
# One would guess: top_k=2 leaves two tokens to draw from.
# What happens: TopKLogitsWarper keeps every token whose logit equals the second largest: of four
# equal ones it keeps four, and top_k=1 among ties is not greedy.
# Who is hurt: whoever compares with a sampler that keeps k (torch.topk's), above all in bfloat16,
# whose logits between 16 and 32 are multiples of 1/8 and tie often.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.24.0 torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import torch
import transformers
from transformers import TopKLogitsWarper

print("transformers", transformers.__version__)
logits = torch.tensor([[20.01, 20.02, 20.03, 20.04, 3.0]])
seen = []
for kind in (torch.float32, torch.bfloat16):
    for k in (1, 2):
        kept = TopKLogitsWarper(k)(None, logits.to(kind)).isfinite().sum().item()
        print(f"top_k={k} in {kind} keeps {kept}")
        seen.append(kept)
sys.exit(seen != [1, 2, 4, 4])
PYTHON
