#!/bin/sh
# One would guess: a schema with minimum 0 and maximum 1 refuses NaN on both sides of a wire.
# What happens: in JavaScript ajv refuses it, in Python fastjsonschema accepts it, since NaN is
# neither below 0 nor above 1. Python's json and msgpack both deliver NaN.
# Who is hurt: whoever relies on one schema for both languages and skips the check of ranges.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fastjsonschema==2.22.3
npm install --silent --no-audit --no-fund --prefix . ajv@8.20.0
echo '{ "type": "number", "minimum": 0, "maximum": 1 }' >schema.json
cat >check.cjs <<'JS'
const Ajv = require("ajv");
const validate = new Ajv().compile(require("./schema.json"));
const seen = [0.5, 2, NaN].map((value) => validate(value));
console.log("ajv", require("ajv/package.json").version, "accepts 0.5, 2, NaN:", ...seen);
process.exitCode = seen.join() === "true,false,false" ? 0 : 1;
JS
node check.cjs
venv/bin/python - <<'PYTHON'
import json
import sys

import fastjsonschema

validate = fastjsonschema.compile(json.load(open("schema.json")))


def accepts(value):
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


seen = [accepts(value) for value in (0.5, 2, json.loads("NaN"))]
print("fastjsonschema", fastjsonschema.VERSION, "accepts 0.5, 2, NaN:", *seen)
sys.exit(seen != [True, False, True])
PYTHON
