/**
 * Reads a `tokenizer.json` with Hugging Face's own library `tokenizers`. It is the Rust code that
 * Python's library runs, so tokens and texts are the same.
 */
import type { Tokenizer as Inner } from "tokenizers";
import { isRecord } from "../foundation/checks.ts";
import type { TokenId } from "../sampler/denoiser.ts";
import { OptionError } from "../foundation/errors.ts";
import { decodeAround } from "./decodeAround.ts";
import { unknownError } from "./errors.ts";
import { specialIds, type SpecialTokens } from "./specialTokens.ts";
import { MASK_GLYPH, type Tokenizer, type UnknownPiece } from "./tokenizer.ts";
import { parseTokenizerFile, readError, type TokenizerJson } from "./tokenizerFile.ts";
import { showingUnknown, unknownPieces, unknownToken } from "./unknown.ts";

/**
 * Makes a tokenizer of a file's text.
 * @param name the file's path, for messages.
 * @param text the contents of the file.
 * @param special tells which tokens begin and end a text, and which is the mask.
 * @throws TokenizerError tokenizer_invalid.
 */
export async function readTokenizer(
  name: string,
  text: string,
  special: (idOf: (token: string) => TokenId | undefined) => Promise<SpecialTokens>,
): Promise<Tokenizer> {
  const json = parseTokenizerFile(name, text);
  const { Tokenizer: Rust } = await import("tokenizers"); // a native addon, only for whoever needs it
  const build = (file: string): Inner => {
    try {
      const inner = Rust.fromString(file);
      // The file may say to cut or fill up texts, for the batches of whoever saved it.
      inner.disableTruncation();
      inner.disablePadding();
      return inner;
    } catch (cause) {
      throw readError(name, json, cause, (part) => Rust.fromString(part));
    }
  };
  const inner = build(text);
  const vocabSize = 1 + highestId(json, (token) => inner.tokenToId(token));
  const named = await special((token) => inner.tokenToId(token) ?? undefined);
  return {
    name,
    vocabSize,
    ...named,
    specialIds: specialIds(addedTokens(json, inner), named),
    encode: encoder(name, inner, piecesUnknownTo(json, build)),
    decode: decoder(inner, vocabSize, named.maskId),
  };
}

type Encoding = Awaited<ReturnType<Inner["encode"]>>;

/** Lists the tokens that were added, with the library's ids: it may number them anew. */
function addedTokens({ added_tokens: added }: TokenizerJson, inner: Inner) {
  const tokens: unknown[] = Array.isArray(added) ? added : [];
  return tokens.filter(isRecord).flatMap(({ content, special }) => {
    const id = inner.tokenToId(String(content));
    return id === null ? [] : [{ id, special: special === true }];
  });
}

/**
 * Finds the highest id of the vocabulary.
 * @param idOf gives the ids of tokens that were added, which the library may number anew.
 */
function highestId(
  { model, added_tokens: added }: TokenizerJson,
  idOf: (token: string) => unknown,
) {
  const vocab = isRecord(model) ? model.vocab : {};
  const own: unknown[] = Array.isArray(vocab) ? [vocab.length - 1] : Object.values(vocab ?? {});
  const others = Array.isArray(added)
    ? added.map((token: unknown) => (isRecord(token) ? idOf(String(token.content)) : -1))
    : [];
  return [...own, ...others].reduce<number>(
    (a, b) => Math.max(a, typeof b === "number" ? b : -1),
    -1,
  );
}

/**
 * The most characters of a text: far fewer than the library's pattern search takes before it gives
 * up, which would end the process.
 */
const MOST_CHARACTERS = 2 ** 23;

/**
 * Makes the tokenizer's `encode`.
 * @param unknownIn finds the unknown pieces of a text; it gets no `encoding` where the library
 * could not encode.
 */
function encoder(
  name: string,
  inner: Inner,
  unknownIn: (text: string, encoding?: Encoding) => Promise<UnknownPiece[]>,
): Tokenizer["encode"] {
  return async (text, { whole = false, onUnknown } = {}) => {
    if (typeof text !== "string") throw new OptionError("text", text, "a text");
    if (text.length > MOST_CHARACTERS) {
      const allowed = `at most ${MOST_CHARACTERS} characters long`;
      throw new OptionError("text", text.length, allowed);
    }
    let encoding: Encoding;
    try {
      encoding = await inner.encode(text, null, { addSpecialTokens: whole });
    } catch (cause) {
      const [piece = { text, position: 0 }] = await unknownIn(text);
      throw unknownError(name, piece, cause);
    }
    if (onUnknown) (await unknownIn(text, encoding)).forEach(onUnknown);
    return encoding.getIds();
  };
}

function piecesUnknownTo(json: TokenizerJson, build: (file: string) => Inner) {
  const own = unknownToken(json);
  const change = showingUnknown(json);
  const showing = change && build(JSON.stringify(change.json));
  return async (text: string, encoding?: Encoding): Promise<UnknownPiece[]> => {
    if (own && encoding) return unknownPieces(text, encoding, own);
    if (!change || !showing) return [];
    const shown = await showing.encode(text, null, { addSpecialTokens: false });
    return unknownPieces(text, shown, change.unknown);
  };
}

function decoder(inner: Inner, vocabSize: number, maskId?: TokenId): Tokenizer["decode"] {
  const rules = inner.getDecoder();
  const join = (tokens: string[]): string => rules?.decode(tokens) ?? tokens.join(" ");
  const known = new Map<TokenId, string | undefined>();
  const tokenOf = (id: TokenId): string | undefined => {
    if (id === maskId || !Number.isInteger(id) || id < 0 || id >= vocabSize) return undefined;
    if (!known.has(id)) known.set(id, inner.idToToken(id) ?? undefined);
    return known.get(id);
  };
  return (ids, { mask = MASK_GLYPH } = {}) => decodeAround(Array.from(ids, tokenOf), mask, join);
}
