#!/bin/sh
# One would guess: where neither config.json nor the caller names a top_k, a generation has none; or
# it has the same one in every version.
# What happens: a model's config that says nothing has top_k 50 in transformers 4.46, and
# GenerationConfig.from_model_config takes it from there. In transformers 5 it is None.
# Who is hurt: models with generation code of their own that reads top_k from that object: the same
# weights and the same config.json rank and draw from other rows after an upgrade.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cat >"$directory/check.py" <<'PYTHON'
import json
import sys

import transformers
from transformers import GenerationConfig, PretrainedConfig


class Config(PretrainedConfig):
    model_type = "some-model"


place, expected = sys.argv[1], json.loads(sys.argv[2])
Config(hidden_size=8).save_pretrained(place)
with open(f"{place}/config.json") as file:
    written = json.load(file).get("top_k")
taken = GenerationConfig.from_model_config(Config.from_pretrained(place)).top_k
print(f"transformers {transformers.__version__}: top_k is {written} in config.json and {taken} in the generation's config")
sys.exit([written, taken] != expected)
PYTHON
export TRANSFORMERS_VERBOSITY=error
for case in '4.46.2 [null,50]' '5.24.0 [null,null]'; do
  version=${case% *}
  python3 -m venv "$directory/$version"
  "$directory/$version/bin/pip" install --quiet --disable-pip-version-check "transformers==$version"
  "$directory/$version/bin/python" "$directory/check.py" "$directory/config-$version" "${case#* }"
done
