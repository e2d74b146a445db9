/** Text to tokens and back, whichever vocabulary a model was trained with. */
import { isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { TokenId } from "../sampler/denoiser.ts";

/** Stands for a mask in decoded text, where the caller names no other. */
export const MASK_GLYPH = "▒";

export interface DecodeOptions {
  /** Text for the mask, whether or not the tokenizer knows it, and for any id that it does not know. Default `▒`. */
  readonly mask?: string;
}

/** A piece of a text that the vocabulary has no token for. */
export interface UnknownPiece {
  readonly text: string;
  /** Characters (code points) of the text before it. */
  readonly position: number;
}

export interface EncodeOptions {
  /** Add what the tokenizer itself puts around a whole text: Llama's begins one so, GPT-2's does nothing. Default false. */
  readonly whole?: boolean;
  /**
   * Given each piece that becomes the tokenizer's unknown token, or that it drops, before the promise resolves. An unknown token that the text itself writes
   * is no such piece.
   */
  readonly onUnknown?: (piece: UnknownPiece) => void;
}

export interface Tokenizer {
  /** For messages. */
  readonly name: string;
  /** Number of ids, special tokens included: they lie in [0, vocabSize). */
  readonly vocabSize: number;
  /** The token that ends a text, where there is one. */
  readonly eosId?: TokenId;
  /** The token that begins a text, where it is known; most often that which ended the last one. */
  readonly bosId?: TokenId;
  /** The mask, where it is a token of the tokenizer's own and not one that the model has beyond it. */
  readonly maskId?: TokenId;
  /** Tokens that are no text: `specialTokens: false` leaves them out. Default: `bosId` and `eosId`. */
  readonly specialIds?: ReadonlySet<TokenId>;
  /**
   * Adds nothing at the ends, unless told to; special tokens that are written in the text become theirs.
   * @throws OptionError for a text of more than 8,388,608 characters; TokenizerError tokenizer_unknown where a piece is unknown and the vocabulary has no token that says so.
   */
  encode(text: string, options?: EncodeOptions): Promise<TokenId[]>;
  /**
   * Special tokens stay visible, but for the mask. Never throws: bytes that are no valid UTF-8, among them half a character
   * beside a mask, become U+FFFD.
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
