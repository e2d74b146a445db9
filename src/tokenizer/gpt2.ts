/** The GPT-2 vocabulary, built in: what the published checkpoints were trained with. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { packagePath } from "../foundation/packageRoot.ts";
import { byteAlphabet } from "./byteAlphabet.ts";
import { readTokenizer } from "./rust.ts";
import type { Tokenizer } from "./tokenizer.ts";

const END_OF_TEXT = "<|endoftext|>";
/** OpenAI's `vocab.bpe`, which all tokens follow from. `scripts/gpt2-merges.mjs` writes it. */
const MERGES = ["data", "gpt2-merges.txt.gz"] as const;

/** Takes 2 MB of vocabulary, so only when it is asked for. */
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
