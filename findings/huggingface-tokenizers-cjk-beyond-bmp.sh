#!/bin/sh
# One would guess: BertNormalizer parts each Chinese character from its neighbours in JavaScript as in Python, those beyond the BMP too.
# What happens: @huggingface/tokenizers takes the letter beside a character of extension B (U+20000 on) into the same word, which is unknown then.
# Who is hurt: BERT in JavaScript on names and classical Chinese: the letters beside such a character become [UNK].
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tokenizers==0.23.3
npm install --silent --no-audit --no-fund --prefix . @huggingface/tokenizers@0.2.0
cat >file.json <<'JSON'
{
  "version": "1.0",
  "added_tokens": [],
  "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": false },
  "pre_tokenizer": { "type": "BertPreTokenizer" },
  "post_processor": null,
  "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
  "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": { "[UNK]": 0, "a": 1, "\u4e00": 2, "\ud840\udc00": 3 } }
}
JSON
cat >ours.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
const tokenizer = new Tokenizer(JSON.parse(readFileSync("file.json", "utf8")), {});
const texts = ["\u4e00a", "\u{20000}a", "\u{20000} a"];
const tokens = texts.map((text) => tokenizer.encode(text, { add_special_tokens: false }).tokens);
writeFileSync("given.json", JSON.stringify({ texts, tokens }));
JS
node ours.mjs
venv/bin/python - <<'PYTHON'
import json
import sys

import tokenizers
from tokenizers import Tokenizer

given = json.load(open("given.json"))
tokenizer = Tokenizer.from_file("file.json")
version = json.load(open("node_modules/@huggingface/tokenizers/package.json"))["version"]
print("@huggingface/tokenizers", version, "and Python's tokenizers", tokenizers.__version__)
differ = []
for text, tokens in zip(given["texts"], given["tokens"]):
    theirs = tokenizer.encode(text, add_special_tokens=False).tokens
    print(ascii(text), "JavaScript", ascii(tokens), "Python", ascii(theirs))
    differ.append(tokens != theirs)
sys.exit(differ != [False, True, False])
PYTHON
