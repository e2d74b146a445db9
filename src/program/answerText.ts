/** Reads the answer of a text that begins with a prompt. */
import type { TokenId } from "../sampler/denoiser.ts";
import { hiddenTokens } from "../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { gapTexts } from "./gapTexts.ts";

/**
 * Returns the text after the prompt, without special tokens.
 * @param tokens of the whole text, cut before its end-of-text token (`until: "end"`).
 * @param given how many of the first tokens are not of the answer.
 */
export function answerText(
  tokens: readonly TokenId[],
  given: number,
  tokenizer: Tokenizer,
): string {
  const hidden = hiddenTokens(tokenizer);
  const decode = (ids: readonly TokenId[]): string =>
    tokenizer.decode(ids.filter((id) => !hidden.has(id)));
  const gaps = [{ begin: given, end: tokens.length, after: "" }];
  const [answer = ""] = gapTexts(tokens, { before: "", gaps }, decode);
  return answer;
}
