/** Reads a text with gaps: `"The[8] sat."`, or its parts, `["The", 8, " sat."]`. */
import { checkInteger } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";

/**
 * A text with gaps. In a string, `[8]` is a gap of eight tokens, and `\[8]` is the text "[8]"; a
 * backslash elsewhere is a backslash. In an array, strings are text as they stand and numbers are
 * gaps.
 */
export type FillText = string | readonly (string | number)[];

/** A gap's tokens, or a text that is not empty; no two texts are neighbours. */
export type FillPart = string | number;

const GAP = /(\\?)\[(\d+)\]/g;
const ALLOWED =
  'a text with gaps, such as "The[8] sat on the[4].", or an array of texts and numbers of tokens';

/**
 * Reads the parts.
 * @throws OptionError for what is no text with gaps, for a text without a gap, and for a gap of
 *   less than one token.
 */
export function readFillText(text: FillText): readonly FillPart[] {
  const given: unknown = text;
  const parts = typeof given === "string" ? parsed(given) : given;
  if (!Array.isArray(parts)) throw new OptionError("text", given, ALLOWED);
  const read: FillPart[] = [];
  for (const part of parts as readonly unknown[]) {
    if (typeof part === "number") {
      read.push(checkInteger("gap in text", part, 1, Number.MAX_SAFE_INTEGER));
    } else if (typeof part !== "string") {
      throw new OptionError("text", given, ALLOWED);
    } else if (typeof read.at(-1) === "string") {
      read.push(`${String(read.pop())}${part}`);
    } else if (part !== "") {
      read.push(part);
    }
  }
  if (read.some((part) => typeof part === "number")) return read;
  throw new OptionError("text", given, {
    message: "The text has no gap",
    remedy: "Write a gap as its number of tokens in brackets: [8].",
  });
}

/** Divides a text at its gaps. */
function parsed(text: string): FillPart[] {
  const parts: FillPart[] = [];
  let end = 0;
  for (const { 0: written, 1: backslash, 2: tokens, index } of text.matchAll(GAP)) {
    parts.push(text.slice(end, index));
    parts.push(backslash === "" ? Number(tokens) : written.slice(1));
    end = index + written.length;
  }
  return [...parts, text.slice(end)];
}
