/** Reads the tokens that `--ban` and `--suppress` name. */
import { InvalidArgumentError } from "commander";
import type { TokenName } from "../../../program/tokenNames.ts";

/** For commander: adds a token to those that were named before. */
export function collectTokens(text: string, before: readonly TokenName[] = []): TokenName[] {
  return [...before, readTokenName(text)];
}

/**
 * Reads an id, or a text. A text may be quoted as in JSON: `"7"` is not the token with id 7, and
 * `"\n"` is a line's end.
 */
function readTokenName(text: string): TokenName {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^".+"$/s.test(text)) return text;
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "string") return said;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new InvalidArgumentError("It must be a token id or a text; a quoted text is read as JSON.");
}
