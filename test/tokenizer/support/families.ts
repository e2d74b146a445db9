/** The small tokenizers of `families/`, which `families/make.py` writes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll } from "@jest/globals";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import { loadHuggingFace } from "../../../src/tokenizer/huggingFace.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";

export const FAMILIES = [
  ...["gpt2", "roberta", "llama3", "llada", "qwen2", "bert-cased", "bert-uncased", "modernbert"],
  ...["t5", "xlm-roberta", "albert", "llama2", "clip"],
] as const;

const CHARACTER_MAP = "nmt_nfkc.charsmap.gz";

const gunzipped = (name: string): Buffer =>
  gunzipSync(readFileSync(join(packageRoot, "test", "tokenizer", "families", name)));

/** What the family's tokenizer.json holds. */
export function familyFile(name: string): string {
  const text = gunzipped(`${name}.json.gz`).toString("utf8");
  return text.includes(CHARACTER_MAP)
    ? text.replace(CHARACTER_MAP, gunzipped(CHARACTER_MAP).toString("base64"))
    : text;
}

/** @returns a loader of what is written into a directory of its own. */
export function scratchTokenizers(): (file: string | object) => Promise<Tokenizer> {
  let directory = "";
  let count = 0;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "remdm-tokenizers-"));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  return (file) => {
    const path = join(directory, `${count++}.json`);
    writeFileSync(path, typeof file === "string" ? file : JSON.stringify(file));
    return loadHuggingFace(path);
  };
}
