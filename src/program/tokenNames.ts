/** Reads tokens that a caller names by their id, or by a text that is one token. */
import { OptionError } from "../foundation/errors.ts";
import { quoted } from "../foundation/messages.ts";
import { readAdjustments } from "../sampler/adjustments.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import type { SamplerOptions } from "../sampler/events.ts";
import type { PreparedRun } from "../sampler/prepare.ts";
import { unknownError } from "../tokenizer/errors.ts";
import type { Tokenizer, UnknownPiece } from "../tokenizer/tokenizer.ts";

/** An id, or a text that is exactly one token of the tokenizer. */
export type TokenName = TokenId | string;

/** The options that name tokens. */
export interface NamedTokens {
  readonly banned?: readonly TokenName[] | undefined;
  readonly suppressed?: readonly TokenName[] | undefined;
}

const ONE_TOKEN = 'Name a token by its id, or by its text, such as " the".';
/** The most tokens of a text that a message lists. */
const MOST_LISTED = 8;

/** Leaves out the texts, which need a tokenizer. @throws OptionError for what is no list. */
export function idsAlone({
  banned,
  suppressed,
}: NamedTokens): Pick<SamplerOptions, keyof NamedTokens> {
  return {
    ...(banned !== undefined && { banned: withoutTexts("banned", banned) }),
    ...(suppressed !== undefined && { suppressed: withoutTexts("suppressed", suppressed) }),
  };
}

function withoutTexts(option: string, names: readonly TokenName[]): TokenId[] {
  const untyped: unknown = names;
  const allowed = "an array of token ids, or of texts of one token each";
  if (!Array.isArray(untyped)) throw new OptionError(option, names, allowed);
  if (names.includes("")) throw new OptionError(option, "", { allowed, remedy: ONE_TOKEN });
  return names.filter((name) => typeof name !== "string");
}

/**
 * Adds the tokens that were named by texts to a run, which has those that were named by ids.
 * @throws OptionError for a text that is not one token, or whose token is not allowed there;
 *   TokenizerError `tokenizer_unknown` for a text that the tokenizer does not know.
 */
export async function withNamedTokens(
  run: PreparedRun,
  { banned = [], suppressed = [] }: NamedTokens,
  tokenizer: Tokenizer,
  model: DenoiserModel,
): Promise<PreparedRun> {
  const given = {
    banned: [...run.banned, ...(await tokensOf("banned", banned, tokenizer))],
    suppressed: [...run.suppressed, ...(await tokensOf("suppressed", suppressed, tokenizer))],
    guidance: run.guidance,
  };
  return { ...run, ...readAdjustments(given, model, run.loop) };
}

async function tokensOf(
  option: string,
  names: readonly TokenName[],
  tokenizer: Tokenizer,
): Promise<TokenId[]> {
  const texts = names.filter((name) => typeof name === "string");
  return Promise.all(texts.map((text) => tokenOf(option, text, tokenizer)));
}

async function tokenOf(option: string, text: string, tokenizer: Tokenizer): Promise<TokenId> {
  const unknown: UnknownPiece[] = [];
  const tokens = await tokenizer.encode(text, { onUnknown: (piece) => unknown.push(piece) });
  if (unknown.length > 0) throw unknownError(tokenizer.name, unknown[0]);
  if (tokens.length === 1) return tokens[0];
  const listed = Array.from(tokens.slice(0, MOST_LISTED));
  const pieces = listed.map((token) => quoted(tokenizer.decode([token])));
  const more = tokens.length > MOST_LISTED ? ", ..." : "";
  const became = tokens.length === 0 ? "none" : `${tokens.length}: ${pieces.join(", ")}${more}`;
  const ids = listed.map((token, i) => `${token} is ${pieces[i]}`).join(", ");
  throw new OptionError(option, text, {
    allowed: `a text that is one token of ${tokenizer.name} (this one becomes ${became})`,
    remedy:
      tokens.length === 0
        ? ONE_TOKEN
        : `Name single tokens, each by its text or its id: ${ids}${more === "" ? "." : more}`,
  });
}
