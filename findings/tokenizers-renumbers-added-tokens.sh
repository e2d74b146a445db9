#!/bin/sh
# One would guess: an added token has the id that tokenizer.json gives it, or the file is refused.
# What happens: where the id is not the next free one, the library gives the token the next free one, without a word; ids that the model was trained with
# then decode to nothing.
# Who is hurt: whoever reads ids from the file itself (a backend, a vocabulary in another language) beside the library.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
"$directory/venv/bin/python" - <<'PYTHON'
import json
import sys

import tokenizers
from tokenizers import Tokenizer

flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
file = {
    "version": "1.0",
    "added_tokens": [{"id": 7, "content": "<x>", "special": True, **flags}],
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1}},
}
tokenizer = Tokenizer.from_str(json.dumps(file))
saved = json.loads(tokenizer.to_str())["added_tokens"][0]["id"]
seen = (tokenizer.encode("<x> b").ids, tokenizer.id_to_token(7), saved)
print("tokenizers", tokenizers.__version__)
print("the file says that <x> is 7; ids of '<x> b', token 7, and what is saved again:", *seen)
sys.exit(seen != ([2, 1], None, 2))
PYTHON
