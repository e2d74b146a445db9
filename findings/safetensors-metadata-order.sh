#!/bin/sh
# One would guess: saving the same tensors with the same metadata gives the same bytes every time.
# What happens: the keys of the metadata come in another order in every process. Without metadata,
# or with one key, the bytes are the same.
# Who is hurt: whoever names files by their hash (a cache, a build, a published checkpoint), or
# proves by a hash that a training run was repeated.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat >"$directory/save.py" <<'PYTHON'
import hashlib
import sys

import numpy
from safetensors.numpy import save

metadata = {f"key{number}": "value" for number in range(int(sys.argv[1]))}
file = save({"weight": numpy.zeros(2, numpy.float32)}, metadata)
print(hashlib.sha256(file).hexdigest())
PYTHON
hashes() {
  for _ in 1 2 3 4 5 6 7 8; do "$directory/venv/bin/python" "$directory/save.py" "$1"; done |
    sort -u | wc -l
}
"$directory/venv/bin/python" -c 'import safetensors; print("safetensors", safetensors.__version__)'
one=$(hashes 1)
ten=$(hashes 10)
echo "8 processes, one key of metadata: $one hash"
echo "8 processes, ten keys of metadata: $ten hashes"
# Ten keys have 3,628,800 orders: eight processes agree by chance practically never.
test "$one" -eq 1
test "$ten" -gt 1
