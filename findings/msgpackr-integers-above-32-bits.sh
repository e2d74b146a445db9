#!/bin/sh
# One would guess: an integer that both languages hold exactly stays an integer on its way from
# JavaScript (msgpackr) to Python (msgpack) and back.
# What happens: msgpackr writes every integer above 2**32 - 1 or below -2**31 as a float64, so
# Python gets a float; and an integer above 2**32 - 1 from Python is a BigInt in JavaScript.
# Who is hurt: whoever sends seeds, byte offsets or times in nanoseconds: `range`, an index and
# numpy's default_rng refuse a float, BigInt arithmetic refuses a number; small test values work.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check msgpack==1.2.4
npm install --silent --no-audit --no-fund --prefix . msgpackr@2.1.3
cat >pack.mjs <<'JS'
import { Packr } from "msgpackr";
const packr = new Packr({ useRecords: false });
process.stdout.write(packr.pack([2 ** 32 - 1, 2 ** 32, -(2 ** 31), -(2 ** 31) - 1]));
JS
cat >unpack.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Packr } from "msgpackr";
const packr = new Packr({ useRecords: false });
const types = packr.unpack(readFileSync(0)).map((value) => typeof value);
const { version } = JSON.parse(readFileSync("node_modules/msgpackr/package.json", "utf8"));
console.log("msgpackr", version);
console.log("2**32 - 1 and 2**32 from Python to JavaScript:", types.join(" "));
process.exitCode = types.join(" ") === "number bigint" ? 0 : 1;
JS
node pack.mjs | venv/bin/python -c '
import sys, msgpack
values = msgpack.unpackb(sys.stdin.buffer.read())
print("msgpack", ".".join(map(str, msgpack.version)))
print("2**32 - 1, 2**32, -2**31, -2**31 - 1 from JavaScript to Python:", *values)
sys.exit([type(value) for value in values] != [int, float, int, float])'
venv/bin/python -c '
import sys, msgpack
sys.stdout.buffer.write(msgpack.packb([2**32 - 1, 2**32]))' >packed
node unpack.mjs <packed
