/** The error that says what is wrong with a tokenizer, or with a text for it. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";
import type { UnknownPiece } from "./tokenizer.ts";

/** Says that a tokenizer cannot be read, does not belong to the model, or does not know a text. */
export class TokenizerError extends RemdmError {
  override readonly name = "TokenizerError";

  constructor(
    code: Extract<RemdmErrorCode, `tokenizer_${string}`>,
    message: string,
    remedy: string,
    cause?: unknown,
  ) {
    super(message, { code, remedy, cause });
  }
}

/** The most characters of a piece that a message shows. */
const SHOWN = 40;

export function unknownError(
  tokenizer: string,
  { text, position }: UnknownPiece,
  cause?: unknown,
): TokenizerError {
  const characters = Array.from(text);
  const shown = characters.length > SHOWN ? `${characters.slice(0, SHOWN).join("")}…` : text;
  return new TokenizerError(
    "tokenizer_unknown",
    `The tokenizer ${tokenizer} has no token for ${JSON.stringify(shown)}, at character ${position + 1} of the text`,
    "Write it in pieces that the model was trained on (a protein, for one, with blanks between its amino acids), or leave it out.",
    cause,
  );
}
