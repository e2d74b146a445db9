/** Finds the pieces of a text that a tokenizer does not know. */
import { isRecord } from "../foundation/checks.ts";
import type { TokenId } from "../sampler/denoiser.ts";
import { byteAlphabet } from "./byteAlphabet.ts";
import type { UnknownPiece } from "./tokenizer.ts";
import type { TokenizerJson } from "./tokenizerFile.ts";

/** The token that stands for unknown pieces. */
export interface UnknownToken {
  readonly id: TokenId;
  readonly text: string;
}

/** Returns the model's unknown token. A model without one drops what it does not know, or fails. */
export function unknownToken({ model }: TokenizerJson): UnknownToken | undefined {
  if (!isRecord(model)) return undefined;
  const { vocab, unk_token: text, unk_id: id } = model;
  if (Array.isArray(vocab)) {
    const entry: unknown = typeof id === "number" ? vocab[id] : undefined; // Unigram's
    return typeof id === "number" && Array.isArray(entry)
      ? { id, text: String(entry[0]) }
      : undefined;
  }
  const known = isRecord(vocab) && typeof text === "string" ? vocab[text] : undefined;
  return typeof text === "string" && typeof known === "number" ? { id: known, text } : undefined;
}

/** The part of the library's encoding that is used here. */
interface Encoding {
  getIds(): TokenId[];
  /** Where each token begins and ends, in characters of the text. */
  getOffsets(): number[][];
}

export function unknownPieces(
  text: string,
  encoding: Encoding,
  unknown: UnknownToken,
): UnknownPiece[] {
  const ids = encoding.getIds();
  if (!ids.includes(unknown.id)) return [];
  const characters = Array.from(text);
  return encoding.getOffsets().flatMap(([start, end], i) => {
    if (ids[i] !== unknown.id) return [];
    const piece = characters.slice(start, end).join("").trim();
    const isWritten = piece === "" || piece === unknown.text;
    return isWritten ? [] : [{ text: piece, position: start }];
  });
}

/**
 * The token that shows unknown pieces; its id lies beyond the ids that the library gives to added
 * tokens.
 */
const SHOWN: UnknownToken = { id: 2 ** 31, text: "<remdm:unknown>" };

/**
 * Gives a tokenizer an unknown token, which shows the pieces that the tokenizer would drop or fail
 * at.
 * @returns undefined where the tokenizer has an unknown token, or knows every piece.
 */
export function showingUnknown(
  json: TokenizerJson,
): { readonly json: TokenizerJson; readonly unknown: UnknownToken } | undefined {
  const { model } = json;
  if (!isRecord(model) || unknownToken(json) !== undefined || knowsEveryByte(json)) {
    return undefined;
  }
  if (Array.isArray(model.vocab)) {
    const vocab: unknown[] = [...(model.vocab as unknown[]), [SHOWN.text, 0]];
    const unknown = { ...SHOWN, id: vocab.length - 1 };
    return { json: { ...json, model: { ...model, vocab, unk_id: unknown.id } }, unknown };
  }
  const vocab = { ...(isRecord(model.vocab) && model.vocab), [SHOWN.text]: SHOWN.id };
  return { json: { ...json, model: { ...model, vocab, unk_token: SHOWN.text } }, unknown: SHOWN };
}

/**
 * Whether a vocabulary has every byte: a byte-level vocabulary, or one that falls back to bytes.
 */
function knowsEveryByte({ model, normalizer, pre_tokenizer }: TokenizerJson): boolean {
  if (!isRecord(model)) return false;
  const { vocab, byte_fallback: fallsBack } = model;
  const tokens = Array.isArray(vocab)
    ? vocab.map((entry: unknown) => (Array.isArray(entry) ? String(entry[0]) : ""))
    : Object.keys(isRecord(vocab) ? vocab : {});
  const known = new Set(tokens);
  const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");
  const names = byteAlphabet().map((name, byte) =>
    fallsBack === true ? `<0x${hex(byte)}>` : name,
  );
  const isByteLevel = JSON.stringify([normalizer, pre_tokenizer]).includes('"ByteLevel"');
  return (fallsBack === true || isByteLevel) && names.every((name) => known.has(name));
}
