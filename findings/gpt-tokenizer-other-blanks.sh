#!/bin/sh
# One would guess: gpt-tokenizer's r50k_base gives tiktoken's ids for every text.
# What happens: its pattern is one of JavaScript's, whose \s has U+FEFF and lacks U+0085, so words are cut elsewhere beside these two.
# Who is hurt: whoever pins a prompt, or counts tokens, of text with byte order marks inside (joined files) or with NEL (mainframe text).
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tiktoken==0.14.0
npm install --silent --no-audit --no-fund --prefix . gpt-tokenizer@4.0.0
cat >ours.mjs <<'JS'
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
import { encode } from "gpt-tokenizer/encoding/r50k_base";
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
const texts = ["Hello \ufeffworld", "x\x85's", "it\ufeff's", "Hello world"];
const bytes = ranks.map((token) => Buffer.from(token).toString("base64"));
writeFileSync("given.json", JSON.stringify({ texts, bytes, ids: texts.map((text) => encode(text)) }));
console.log("gpt-tokenizer", createRequire(import.meta.url)("gpt-tokenizer/package.json").version);
JS
node ours.mjs
venv/bin/python - <<'PYTHON'
import base64
import json
import sys
from importlib.metadata import version

import tiktoken

given = json.load(open("given.json"))
ranks = {base64.b64decode(token): rank for rank, token in enumerate(given["bytes"])}
# The pattern of tiktoken_ext.openai_public.r50k_base; the ranks are gpt-tokenizer's own, so only the pattern is compared.
pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
encoding = tiktoken.Encoding("r50k", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
print("tiktoken", version("tiktoken"))
differ = []
for text, ids in zip(given["texts"], given["ids"]):
    theirs = encoding.encode(text)
    print(ascii(text), "gpt-tokenizer", ids, "tiktoken", theirs)
    differ.append(ids != theirs)
sys.exit(differ != [True, True, True, False])
PYTHON
