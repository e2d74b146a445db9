#!/bin/sh
# One would guess: expect(a).toEqual(b) fails for two ArrayBuffers with other bytes, as it does for
# typed arrays.
# What happens: any two ArrayBuffers are equal for toEqual, also of other lengths and inside an
# object, and so are two DataViews. toStrictEqual compares their bytes.
# Who is hurt: whoever tests binary frames: the test cannot fail.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund --prefix . expect@30.5.2
cat >check.mjs <<'JS'
import { createRequire } from "node:module";
import { expect } from "expect";
const [bytes, others] = [Uint8Array.of(1), Uint8Array.of(2, 3)];
const [buffer, other] = [bytes.buffer, others.buffer];
const passes = (assertion) => {
  try {
    assertion();
    return true;
  } catch {
    return false;
  }
};
const seen = {
  "toEqual of typed arrays": passes(() => expect(bytes).toEqual(others)),
  "toEqual of ArrayBuffers": passes(() => expect(buffer).toEqual(other)),
  "toEqual of objects of them": passes(() => expect({ buffer }).toEqual({ buffer: other })),
  "toEqual of DataViews": passes(() => expect(new DataView(buffer)).toEqual(new DataView(other))),
  "toStrictEqual of ArrayBuffers": passes(() => expect(buffer).toStrictEqual(other)),
};
console.log("expect", createRequire(import.meta.url)("expect/package.json").version);
for (const [name, passed] of Object.entries(seen)) {
  console.log(`${name}, [1] and [2, 3]: ${passed ? "passes" : "fails"}`);
}
process.exitCode = Object.values(seen).join() === "false,true,true,true,false" ? 0 : 1;
JS
node check.mjs
