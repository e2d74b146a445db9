#!/bin/sh
# One would guess: what torch.nn.MultiheadAttention gives for a row whose keys are all padding does
# not depend on whether the weights are asked for, nor on whether gradients are recorded.
# What happens: with need_weights=True the row is NaN; without it 0, as in
# scaled_dot_product_attention; in eval mode under no_grad, which takes a fast path, NaN again.
# Who is hurt: whoever tests a network in training mode and runs it in eval mode with an empty row
# in the batch, or asks for the weights only to look at them: the NaN appears there alone.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import torch

print("torch", torch.__version__)
torch.manual_seed(0)
attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
x = torch.randn(2, 3, 8)
padding = torch.tensor([[False, False, True], [True, True, True]])
seen = {}
for training in (True, False):
    attention.train(training)
    for gradients in (True, False):
        for weights in (True, False):
            with torch.set_grad_enabled(gradients):
                output, _ = attention(x, x, x, key_padding_mask=padding, need_weights=weights)
            row = "NaN" if output[1].isnan().all() else "0" if (output[1] == 0).all() else "other"
            seen[training, gradients, weights] = row
            print(f"training {training}, gradients {gradients}, need_weights {weights}: {row}")
zeros = {key for key, row in seen.items() if row == "0"}
expected = {(True, True, False), (True, False, False), (False, True, False)}
sys.exit(zeros != expected or set(seen.values()) != {"0", "NaN"})
PYTHON
