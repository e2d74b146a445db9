/** The interface of a tokenizer, which turns text into tokens and back. */
import { isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { TokenId } from "../sampler/denoiser.ts";

/** Stands for a mask in decoded text, unless the caller names another text. */
export const MASK_GLYPH = "▒";

export interface DecodeOptions {
  /**
   * The text for the mask, whether or not the tokenizer knows it, and for any id that it does not
   * know. Default `▒`.
   */
  readonly mask?: string;
}

/** A piece of a text that the vocabulary has no token for. */
export interface UnknownPiece {
  readonly text: string;
  /** How many characters (code points) of the text come before it. */
  readonly position: number;
}

export interface EncodeOptions {
  /**
   * Whether to add the special tokens that the tokenizer itself puts around a whole text: Llama's
   * begins a text with one, GPT-2's adds nothing. Default false.
   */
  readonly whole?: boolean;
  /**
   * Receives each piece that becomes the tokenizer's unknown token, or that the tokenizer drops,
   * before the promise resolves. An unknown token that the text itself writes does not count.
   */
  readonly onUnknown?: (piece: UnknownPiece) => void;
}

export interface Tokenizer {
  /** Names the tokenizer in messages. */
  readonly name: string;
  /** How many ids there are, special tokens included: ids lie in [0, vocabSize). */
  readonly vocabSize: number;
  /** The token that ends a text, where there is one. */
  readonly eosId?: TokenId;
  /**
   * The token that begins a text, where it is known; most often it is the token that ended the last
   * one.
   */
  readonly bosId?: TokenId;
  /**
   * The mask, where the tokenizer has it; other models have a mask beyond the tokenizer's tokens.
   */
  readonly maskId?: TokenId;
  /**
   * The tokens that are not text: `specialTokens: false` leaves them out. Default: `bosId` and
   * `eosId`.
   */
  readonly specialIds?: ReadonlySet<TokenId>;
  /**
   * Turns a text into tokens. It adds nothing at the ends unless told to; special tokens that are
   * written in the text become their tokens.
   * @throws OptionError for a text of more than 8,388,608 characters; TokenizerError
   * tokenizer_unknown where a piece is unknown and the vocabulary has no unknown token.
   */
  encode(text: string, options?: EncodeOptions): Promise<TokenId[]>;
  /**
   * Turns tokens into a text. Special tokens stay visible, except the mask. It never throws: bytes
   * that are not valid UTF-8, such as half a character beside a mask, become U+FFFD.
   */
  decode(ids: ArrayLike<TokenId>, options?: DecodeOptions): string;
}

const ALLOWED = "gpt2, demo, a path, or an object with name, vocabSize, encode and decode";

/** Checks the option `tokenizer` of a launch; undefined stays undefined. @throws OptionError. */
export function checkTokenizerOption(value: unknown): string | Tokenizer | undefined {
  if (value === undefined || isTokenizerOption(value)) return value;
  throw new OptionError("tokenizer", value, ALLOWED);
}

function isTokenizerOption(value: unknown): value is string | Tokenizer {
  if (typeof value === "string") return value !== "";
  return (
    isRecord(value) &&
    typeof value.name === "string" &&
    Number.isSafeInteger(value.vocabSize) &&
    typeof value.encode === "function" &&
    typeof value.decode === "function"
  );
}
