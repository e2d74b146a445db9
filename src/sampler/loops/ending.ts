/** Ends a text with its last token, or before its first end-of-text token. */
import type { TokenId } from "../denoiser.ts";
import type { FinishReason } from "../events.ts";
import type { PreparedRun } from "../prepare.ts";

export interface EndedText {
  readonly tokens: readonly TokenId[];
  readonly finishReason: FinishReason;
}

/**
 * Cuts a text before the first token that ends it, where the run asks for it. A given token at the
 * beginning ends no text, and neither does the first token: most models begin a text with the token
 * that ended the last one.
 */
export function endText(
  text: ArrayLike<TokenId>,
  { endIds, given }: Pick<PreparedRun, "endIds" | "given">,
): EndedText {
  const tokens = Array.from(text);
  const first = Math.max(1, given);
  const end = tokens.findIndex((token, at) => at >= first && endIds.includes(token));
  if (end < 0) return { tokens, finishReason: "length" };
  return { tokens: tokens.slice(0, end), finishReason: "end" };
}
