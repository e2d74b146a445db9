#!/bin/sh
# One would guess: Categorical(probs=p).log_prob(i) is log p[i], and entropy() that of p.
# What happens: every probability below the spacing of the type at 1 counts as that spacing, 2**-7
# in bfloat16 and 2**-23 in float32. A token of probability 0 has a finite log probability, and the
# uniform distribution on 32,768 tokens in bfloat16 an entropy of 4.84 instead of 10.40.
# Categorical(logits=...) has no such floor.
# Who is hurt: whoever takes likelihoods or entropies of a vocabulary from probabilities, in
# bfloat16 or after a nucleus has set some to 0.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$directory/venv/bin/python" - <<'PYTHON'
import math
import sys

import torch
from torch.distributions import Categorical

print("torch", torch.__version__)
second = torch.tensor(1)
impossible = torch.tensor([1.0, 0.0])
from_probs = Categorical(probs=impossible).log_prob(second).item()
from_logits = Categorical(logits=impossible.log()).log_prob(second).item()
print("log_prob of a token of probability 0: probs", from_probs, "logits", from_logits)
uniform = torch.full((32768,), 2.0**-15, dtype=torch.bfloat16)
entropy = Categorical(probs=uniform).entropy().item()
exact = Categorical(logits=uniform.log()).entropy().item()
print(f"entropy of 32,768 equal tokens, {math.log(32768):.2f}: probs {entropy} logits {exact}")
sys.exit(
    not math.isclose(from_probs, math.log(2**-23), rel_tol=1e-6)
    or from_logits != -math.inf
    or abs(entropy - math.log(2**7)) > 0.05
    or abs(exact - math.log(32768)) > 0.05
)
PYTHON
