// Writes data/gpt2-merges.txt.gz: the merges of GPT-2's vocabulary in their order, as in OpenAI's vocab.bpe, from the bytes and ranks of its tokens in
// the package gpt-tokenizer. A token's last merge joins the two parts that the merges before it make of its bytes. Run: node scripts/gpt2-merges.mjs
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import tokens from "gpt-tokenizer/bpeRanks/r50k_base";

const path = join(dirname(fileURLToPath(import.meta.url)), "..", "data", "gpt2-merges.txt.gz");
const BYTES = 256;

/** A character for each byte, U+0000 to U+00FF. @param {string | number[]} token */
const bytesOf = (token) => Buffer.from(token).toString("latin1");

/** @type {Map<string, number>} */
const ranks = new Map();
tokens.forEach((token, rank) => ranks.set(bytesOf(token), rank));

/** @param {string[]} parts @param {number} i */
const rankAt = (parts, i) => ranks.get(parts[i] + parts[i + 1]) ?? Infinity;

/** @param {string} token @param {number} rank @returns {string[]} two parts */
function lastMerge(token, rank) {
  let parts = [...token];
  for (;;) {
    const pairs = parts.slice(1).map((_, i) => rankAt(parts, i));
    const lowest = Math.min(...pairs);
    if (lowest >= rank) return parts;
    const at = pairs.indexOf(lowest);
    parts = [...parts.slice(0, at), parts[at] + parts[at + 1], ...parts.slice(at + 2)];
  }
}

/** As byte-level vocabularies write bytes: tokens 0 to 255 are single bytes in the order of the alphabet. */
const visible = new Map(
  tokens.slice(0, BYTES).map((token, i) => {
    const byte = bytesOf(token);
    return [byte, i < 188 ? byte : String.fromCodePoint(BYTES + i - 188)];
  }),
);
/** @param {string} part */
const written = (part) => [...part].map((byte) => visible.get(byte)).join("");

const merges = [...ranks].slice(BYTES).map(([token, rank]) => {
  const parts = lastMerge(token, rank);
  if (parts.length !== 2) throw new Error(`token ${rank} is not made of two`);
  return parts.map(written).join(" ");
});
writeFileSync(path, gzipSync(`${merges.join("\n")}\n`, { level: 9 }));
