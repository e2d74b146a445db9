/** Builds the tokenizer of GPT-2, with which the published checkpoints were trained. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { packagePath } from "../foundation/packageRoot.ts";
import { byteAlphabet } from "./byteAlphabet.ts";
import { readTokenizer } from "./rust.ts";
import type { Tokenizer } from "./tokenizer.ts";

const END_OF_TEXT = "<|endoftext|>";
/**
 * OpenAI's `vocab.bpe`, from which all tokens follow. `scripts/gpt2-merges.mjs` writes this file.
 */
const MERGES = ["data", "gpt2-merges.txt.gz"] as const;

/** Reads the vocabulary, which takes 2 MB, only when it is called. */
export async function loadGpt2(): Promise<Tokenizer> {
  const text = (await promisify(gunzip)(await readFile(packagePath(...MERGES)))).toString("utf8");
  const merges = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" "));
  const tokens = [...byteAlphabet(), ...merges.map((parts) => parts.join("")), END_OF_TEXT];
  const endId = tokens.length - 1;
  const file = {
    version: "1.0",
    added_tokens: [
      {
        ...{ id: endId, content: END_OF_TEXT, special: true },
        ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
      },
    ],
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  const ends = { bosId: endId, eosId: endId };
  return readTokenizer("gpt2", JSON.stringify(file), () => Promise.resolve(ends));
}
