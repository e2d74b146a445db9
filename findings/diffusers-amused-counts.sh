#!/bin/sh
# One would guess: with linear masking, AmusedScheduler leaves 8, 6, 4, 2, 0 masks of 10 in 5 steps.
# What happens: it leaves 8, 6, 3, 1, 0. The number of masks is the floor of a product in float32,
# which is just below the integer where it should be the integer.
# Who is hurt: whoever ports the schedule with exact fractions or in float64 (8, 6, 4, 1, 0) and
# compares tokens; a step commits one token more and a later one fewer.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check \
  diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import diffusers
import torch

print("diffusers", diffusers.__version__, "torch", torch.__version__)
MASK = 4
scheduler = diffusers.AmusedScheduler(mask_token_id=MASK, masking_schedule="linear")
scheduler.set_timesteps(5)
generator = torch.Generator().manual_seed(0)
sample = torch.full((1, 10), MASK)
seen = []
for timestep in scheduler.timesteps:
    logits = torch.randn(1, 10, MASK, generator=generator)
    sample = scheduler.step(logits, timestep, sample, generator=generator).prev_sample
    seen.append(int((sample == MASK).sum()))
print("masks left of 10 after each of 5 steps:", seen)
sys.exit(seen != [8, 6, 3, 1, 0])
PYTHON
