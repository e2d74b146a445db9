/** The golden data: what the original repository computed (`test/golden/README.md`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const directory = join(packageRoot, "test", "golden");

export const goldenTokenizer: string = join(directory, "tokenizer.json");

/** @returns the path of the checkpoint that the original trained and saved. */
export function goldenCheckpoint(kind: string): string {
  return join(directory, "checkpoints", `${kind}.ckpt`);
}

/** @returns what the file `${name}.json.gz` holds. */
export function readGolden(name: "end2end" | "forward" | "paper" | "steps"): unknown {
  return JSON.parse(gunzipSync(readFileSync(join(directory, `${name}.json.gz`))).toString());
}
