#!/bin/sh
# One would guess: BPE without an unknown token fails on a character that it does not know, as WordLevel and WordPiece do.
# What happens: the character vanishes, and its neighbours are merged as if they had stood side by side: "aéb" is the token "ab".
# Who is hurt: whoever samples from, or measures with, a character-level BPE (proteins, DNA, small corpora): another text is read, without a word.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import tokenizers
from tokenizers import Tokenizer, models

tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
found = {text: tokenizer.encode(text).tokens for text in ("ab", "aéb", "aéééb", "é")}
other = Tokenizer(models.WordLevel({"a": 0}, unk_token="[UNK]"))
try:
    other.encode("b")
    refused = False
except Exception as error:
    refused = True
    print("WordLevel without its unknown token:", error)
print("tokenizers", tokenizers.__version__)
print("BPE without one:", found)
sys.exit(not refused or found != {"ab": ["ab"], "aéb": ["ab"], "aéééb": ["ab"], "é": []})
PYTHON
