#!/bin/sh
# One would guess: safetensors.numpy saves the values of a transposed array, or refuses it as
# safetensors.torch refuses a transposed tensor.
# What happens in 0.8.0: the memory is written as it lies, under the shape of the transposed array,
# without a word. 0.7.0 wrote the right values. (The docstring asks for contiguous arrays; nothing
# checks it.)
# Who is hurt: whoever writes `kernel.T` while converting weights between Flax and PyTorch.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
cat >"$directory/transposed.py" <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

array = np.arange(6, dtype=np.float32).reshape(2, 3).T
read = load(save({"weight": array}))["weight"]
print("safetensors", safetensors.__version__, "saved", array.tolist(), "read", read.tolist())
sys.exit(np.array_equal(array, read) != (sys.argv[1] == "same"))
PYTHON
install() {
  "$directory/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 "safetensors==$1"
}
install 0.7.0
"$directory/venv/bin/python" "$directory/transposed.py" same
install 0.8.0
"$directory/venv/bin/python" "$directory/transposed.py" other
