/** Text to tokens and back, whichever vocabulary a model was trained with. */
import type { TokenId } from "../sampler/denoiser.ts";

/** Stands for a mask in decoded text, where the caller names no other. */
export const MASK_GLYPH = "▒";

export interface DecodeOptions {
  /** Text for an id that the tokenizer does not know: the mask, which most models add beyond it. Default `▒`. */
  readonly mask?: string;
}

export interface Tokenizer {
  /** For messages. */
  readonly name: string;
  /** Number of ids, special tokens included: they lie in [0, vocabSize). */
  readonly vocabSize: number;
  /** The token that ends a text, where there is one. */
  readonly eosId?: TokenId;
  /** The token that begins a text, where it is another. */
  readonly bosId?: TokenId;
  /** Adds nothing at the ends; special tokens that are written in the text become theirs. */
  encode(text: string): TokenId[];
  /**
   * Special tokens stay visible. Never throws: bytes that are no valid UTF-8, among them half a character
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
