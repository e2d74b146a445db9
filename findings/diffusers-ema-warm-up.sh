#!/bin/sh
# One would guess: EMAModel(decay=0.9999, use_ema_warmup=False) averages with decay 0.9999.
# What happens: the decay is at most (1 + n) / (10 + n) at the update n + 1, a warm-up that no
# argument turns off: 0 at the first, 0.99 after 1,000, 0.9999 only after 89,990. `use_ema_warmup`
# chooses another formula.
# Who is hurt: whoever compares averages with another library at the same decay, or trains shortly.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check \
  diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import math
import sys

import diffusers
import torch
from diffusers.training_utils import EMAModel

print("diffusers", diffusers.__version__)
weight = torch.nn.Parameter(torch.zeros(1))
average = EMAModel([weight], decay=0.9999, use_ema_warmup=False)
seen = []
for _ in range(3):
    weight.data += 1
    average.step([weight])
    seen.append((average.cur_decay_value, average.shadow_params[0].item()))
    print("weight", weight.item(), "decay and average", *seen[-1])
later = {update: average.get_decay(update) for update in (1_000, 10_000, 89_990, 89_991)}
print("decay of later updates", later)
decays = [0, 2 / 11, 3 / 12]
averages = [1, 1 * decays[1] + 2 * (1 - decays[1])]
averages.append(averages[1] * decays[2] + 3 * (1 - decays[2]))
for (decay, value), *expected in zip(seen, decays, averages, strict=True):
    if not all(map(lambda a, b: math.isclose(a, b, rel_tol=1e-6), (decay, value), expected)):
        sys.exit("the behaviour has changed")
sys.exit(not later[1_000] < later[10_000] < later[89_990] < later[89_991] == 0.9999)
PYTHON
