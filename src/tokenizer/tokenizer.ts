/** Text to tokens and back, whichever vocabulary a model was trained with. */
import type { TokenId } from "../sampler/denoiser.ts";

/** Stands for a mask in decoded text, where the caller names no other. */
export const MASK_GLYPH = "▒";

export interface DecodeOptions {
  /** Text for the mask, whether or not the tokenizer knows it, and for any id that it does not know. Default `▒`. */
  readonly mask?: string;
}

export interface EncodeOptions {
  /** Add what the tokenizer itself puts around a whole text: Llama's begins one so, GPT-2's does nothing. Default false. */
  readonly whole?: boolean;
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
  /** Adds nothing at the ends, unless told to; special tokens that are written in the text become theirs. */
  encode(text: string, options?: EncodeOptions): TokenId[];
  /**
   * Special tokens stay visible, but for the mask. Never throws: bytes that are no valid UTF-8, among them half a character
   * beside a mask, become U+FFFD.
   */
  decode(ids: ArrayLike<TokenId>, options?: DecodeOptions): string;
}

/** Decodes the runs of known ids each for itself, with `mask` for each unknown one between them. */
export function decodeAround(
  ids: ArrayLike<TokenId>,
  mask: string,
  isKnown: (id: TokenId) => boolean,
  decodeRun: (run: TokenId[]) => string,
): string {
  let text = "";
  let run: TokenId[] = [];
  const flush = (): void => {
    if (run.length > 0) text += decodeRun(run);
    run = [];
  };
  for (let i = 0; i < ids.length; i++) {
    if (isKnown(ids[i])) {
      run.push(ids[i]);
    } else {
      flush();
      text += mask;
    }
  }
  flush();
  return text;
}
