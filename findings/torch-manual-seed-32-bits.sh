#!/bin/sh
# One would guess: torch.manual_seed takes 64 bits, so seeds 1 and 2**32 + 1 give different numbers.
# What happens: on the CPU only the lower 32 bits count; initial_seed() tells all 64. numpy's
# default_rng uses all bits.
# Who is hurt: whoever makes a seed of two numbers, `run << 32 | rank`: all runs get one stream; and
# whoever hashes names to 64 bits and counts on few collisions.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import numpy
import torch

print("torch", torch.__version__, "numpy", numpy.__version__)
drawn = []
for seed in (1, 2**32 + 1, 7 << 32 | 1):
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(3, generator=generator).tolist()
    other = numpy.random.default_rng(seed).random(3).tolist()
    print(f"seed {seed} (initial_seed {generator.initial_seed()}): torch {first} numpy {other}")
    drawn.append((first, other))
same = [drawn[0][0] == first for first, _ in drawn[1:]]
apart = [drawn[0][1] != other for _, other in drawn[1:]]
sys.exit(not all(same + apart))
PYTHON
