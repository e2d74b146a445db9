/** The options of `Remdm.sample`. */
import type { SamplerOptions } from "../sampler/events.ts";
import type { TokenName } from "./tokenNames.ts";

export interface SampleOptions extends Omit<SamplerOptions, "banned" | "suppressed"> {
  /**
   * Tokens that are never drawn, each by its id or by a text that is exactly one token of the
   * tokenizer. A prompt may have them. Default: none.
   */
  readonly banned?: readonly TokenName[];
  /**
   * Tokens that may be drawn and are revealed last, named as for `banned`, for strategies in which
   * the rows of the network say what is revealed. Default: none.
   */
  readonly suppressed?: readonly TokenName[];
  /**
   * Text that every sample begins with; use `pinned` for tokens in other places. A mask in it,
   * written as the tokenizer writes one (`a [MASK] b`), leaves that position to the model.
   */
  readonly prompt?: string;
  /**
   * Whether special tokens (they begin, end or pad a text) are part of `texts` and of the pieces.
   * Default true.
   */
  readonly specialTokens?: boolean;
}
