// Generates schemas/*.json from the message types in src/backend/protocol.ts, or with --check fails
// when the committed files differ from what the types say.
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import TJS from "typescript-json-schema";
import { format } from "prettier";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src/backend/protocol.ts");
const settings = { required: true, noExtraProps: true };
const compilerOptions = {
  strict: true,
  target: "ES2022",
  module: "ESNext",
  moduleResolution: "bundler",
  types: [],
  skipLibCheck: true,
};

const program = TJS.getProgramFromFiles([source], compilerOptions, root);
const check = process.argv.includes("--check");
let drifted = 0;
mkdirSync(join(root, "schemas"), { recursive: true });
for (const type of ["Request", "Reply"]) {
  const schema = TJS.generateSchema(program, type, settings, [source]);
  if (schema === null) throw new Error(`no schema could be made for ${type}`);
  const path = join(root, "schemas", `${type.toLowerCase()}.json`);
  const text = await format(JSON.stringify(schema), { parser: "json", printWidth: 100 });
  if (check) {
    const committed = readFileSync(path, "utf8");
    if (committed !== text) {
      console.error(`${path} is not what the types in ${source} say: run "npm run schemas".`);
      drifted += 1;
    }
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
process.exitCode = drifted === 0 ? 0 : 1;
