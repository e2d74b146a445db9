// Generates schemas/*.json from the message types in src/backend/wire/protocol.ts and the experiment file in
// src/experiment/file/types.ts, or with --check fails when the committed files differ from what the types say.
import { existsSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import TJS from "typescript-json-schema";
import { format } from "prettier";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCES = [
  { file: "src/backend/wire/protocol.ts", types: { Request: "request", Reply: "reply" } },
  { file: "src/experiment/file/types.ts", types: { ExperimentFile: "experiment" } },
];
const settings = { required: true, noExtraProps: true, validationKeywords: ["patternProperties"] };
const compilerOptions = {
  strict: true,
  target: "ES2022",
  module: "ESNext",
  moduleResolution: "bundler",
  types: [],
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  noEmit: true,
};

const check = process.argv.includes("--check");
let drifted = 0;
mkdirSync(join(root, "schemas"), { recursive: true });
for (const { file, types } of SOURCES) {
  const source = join(root, file);
  const program = TJS.getProgramFromFiles([source], compilerOptions, root);
  for (const [type, name] of Object.entries(types)) await write(program, source, type, name);
}
process.exitCode = drifted === 0 ? 0 : 1;

/**
 * @param {TJS.Program} program
 * @param {string} source
 * @param {string} type
 * @param {string} name of the schema's file.
 */
async function write(program, source, type, name) {
  const schema = TJS.generateSchema(program, type, settings, [source]);
  if (schema === null) throw new Error(`no schema could be made for ${type}`);
  const path = join(root, "schemas", `${name}.json`);
  const text = await format(JSON.stringify(schema), { parser: "json", printWidth: 100 });
  if (!check) {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
    return;
  }
  // A file that is not there is not what the types say either.
  const committed = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (committed === text) return;
  console.error(`${path} is not what the types in ${source} say: run \`npm run schemas\`.`);
  drifted += 1;
}
