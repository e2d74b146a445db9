/** The GPT-2 vocabulary, built in: what the published checkpoints were trained with. */
import type { TokenId } from "../sampler/denoiser.ts";
import { decodeAround, MASK_GLYPH, type Tokenizer } from "./tokenizer.ts";

const END_OF_TEXT = "<|endoftext|>";
const END_OF_TEXT_ID = 50256;

/** Imports 2 MB of vocabulary, so only when it is asked for. */
export async function loadGpt2(): Promise<Tokenizer> {
  const [{ encode }, { default: ranks }] = await Promise.all([
    import("gpt-tokenizer/encoding/r50k_base"),
    import("gpt-tokenizer/bpeRanks/r50k_base"),
  ]);
  return {
    name: "gpt2",
    vocabSize: END_OF_TEXT_ID + 1,
    bosId: END_OF_TEXT_ID,
    eosId: END_OF_TEXT_ID,
    specialIds: new Set([END_OF_TEXT_ID]),
    // gpt-tokenizer refuses special tokens in a text, so they are cut out first.
    encode: (text) =>
      text
        .split(END_OF_TEXT)
        .flatMap((piece, i) => (i === 0 ? encode(piece) : [END_OF_TEXT_ID, ...encode(piece)])),
    // Not gpt-tokenizer's `decode`: it carries half a character over into the next call.
    decode: (ids, { mask = MASK_GLYPH } = {}) =>
      decodeAround(ids, mask, isKnown, (run) => decodeBytes(run, ranks)),
  };
}

function isKnown(id: TokenId): boolean {
  return Number.isInteger(id) && id >= 0 && id <= END_OF_TEXT_ID;
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder("utf-8", { ignoreBOM: true }) };

/** @param ranks bytes of each token, as text where they are valid UTF-8. */
function decodeBytes(ids: readonly TokenId[], ranks: readonly (string | number[])[]): string {
  const bytes: number[] = [];
  for (const id of ids) {
    const token = id === END_OF_TEXT_ID ? END_OF_TEXT : ranks[id];
    for (const byte of typeof token === "string" ? utf8.encoder.encode(token) : token) {
      bytes.push(byte);
    }
  }
  return utf8.decoder.decode(Uint8Array.from(bytes));
}
