/** Where a text ends: with its last token, or before the first token that says so. */
import type { TokenId } from "../denoiser.ts";
import type { FinishReason } from "../events.ts";
import type { ResolvedOptions } from "../options.ts";

export interface EndedText {
  readonly tokens: readonly TokenId[];
  readonly finishReason: FinishReason;
}

/**
 * Cuts a text before its end-of-text token, where the options ask for that. What was given at the beginning ends no text,
 * nor does its first token: most models begin a text with the token that ended the last one.
 */
export function endText(
  text: ArrayLike<TokenId>,
  { endId, given }: Pick<ResolvedOptions, "endId" | "given">,
): EndedText {
  const tokens = Array.from(text);
  const end = endId === undefined ? -1 : tokens.indexOf(endId, Math.max(1, given));
  if (end < 0) return { tokens, finishReason: "length" };
  return { tokens: tokens.slice(0, end), finishReason: "end" };
}
