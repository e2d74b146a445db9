#!/bin/sh
# One would guess: `number & { readonly __brand: "Id" }`, TypeScript's way to tell two kinds of
# numbers apart, is a number in the schema, as it is in JSON.
# What happens: typescript-json-schema asks for an object and a number at once, which no value is;
# with --noExtraProps it drops the number and asks for the object alone. Nothing is said.
# Who is hurt: whoever checks messages by schemas made from types with branded ids.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund --prefix . typescript-json-schema@0.68.0 ajv@8.20.0
cat >types.ts <<'TS'
export type Id = number & { readonly __brand: "Id" };
export interface Message {
  id: Id;
}
TS
cat >check.cjs <<'JS'
const Ajv = require("ajv");
const { version } = require("typescript-json-schema/package.json");
let expected = true;
for (const [file, object] of [["plain", false], ["noExtraProps", true]]) {
  const validate = new Ajv().compile(require(`./${file}.json`));
  const seen = [validate({ id: 1 }), validate({ id: { __brand: "Id" } })];
  console.log(`typescript-json-schema ${version}, ${file}: { id: 1 } accepted: ${seen[0]},`,
    `{ id: { __brand: "Id" } } accepted: ${seen[1]}`);
  expected &&= seen[0] === false && seen[1] === object;
}
process.exitCode = expected ? 0 : 1;
JS
make() {
  node_modules/.bin/typescript-json-schema types.ts Message --required --strictNullChecks "$@"
}
make >plain.json
make --noExtraProps >noExtraProps.json
node check.cjs
