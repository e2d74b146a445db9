/**
 * Reads the options that change the network's rows before anything is drawn from them: banned
 * tokens and guidance; and suppressed tokens, which are revealed last.
 */
import { checkNumber } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import { followsOriginal, type LoopPlan } from "./loopPlan.ts";

export interface Adjustments {
  /** Tokens that are never drawn, in ascending order. */
  readonly banned: ReadonlySet<TokenId>;
  /** Tokens that are revealed last, in ascending order. */
  readonly suppressed: ReadonlySet<TokenId>;
  /** Scale of guidance; 0 is none. */
  readonly guidance: number;
}

/** The three options as a caller gives them. */
type Given = { readonly [Name in keyof Adjustments]?: unknown };

/** The largest scale; far below it a row is the likeliest token's alone. */
const MAX_GUIDANCE = 1e6;

/**
 * Reads the options.
 * @throws OptionError for tokens that the model does not have, for the mask, where no other token
 *   is left, and for what the loop of the run has no place for.
 */
export function readAdjustments(given: Given, model: DenoiserModel, loop: LoopPlan): Adjustments {
  checkAdjustable(given, loop);
  const banned = readTokens("banned", given.banned, model);
  // All columns except the mask's.
  if (banned.size > model.vocabSize - 2) {
    const allowed = "tokens that leave at least one other to draw";
    throw new OptionError("banned", [...banned], allowed);
  }
  return {
    banned,
    suppressed: readTokens("suppressed", given.suppressed, model),
    guidance: readGuidance(given.guidance),
  };
}

/**
 * Refuses options that the loop of a run has no place for, whatever tokens they name.
 * @throws OptionError that says why.
 */
export function checkAdjustable(given: Given, loop: LoopPlan): void {
  for (const option of ["banned", "suppressed", "guidance"] as const) {
    const value = given[option];
    const isNone =
      value === undefined || value === 0 || (Array.isArray(value) && value.length === 0);
    const why = isNone ? undefined : reasonAgainst(option, loop);
    if (why !== undefined) throw new OptionError(option, value, why);
  }
}

/** @throws OptionError where guidance has nothing to mask: no position is given. */
export function checkGuided({
  guidance,
  pinned,
}: Pick<Adjustments, "guidance"> & { readonly pinned: ReadonlyMap<number, TokenId> }): void {
  if (guidance === 0 || pinned.size > 0) return;
  throw new OptionError("guidance", guidance, {
    allowed: "0 without a prompt: guidance needs a prompt",
    remedy: "Give a text as `prompt`, towards which to guide, or leave guidance out.",
  });
}

/** Tells why an option has no place in a loop, and what to do; undefined where it has one. */
function reasonAgainst(option: keyof Adjustments, loop: LoopPlan) {
  if (followsOriginal(loop)) {
    return {
      allowed: 'undefined with executor: "dense", which has no such option, as the original',
      remedy: `Leave ${option} out, or sample with executor: "events".`,
    };
  }
  if (option === "guidance" && loop.kind === "leftToRight") {
    return "undefined for an ar model, which knows no masks to hide a prompt with";
  }
  if (option !== "suppressed") return undefined;
  switch (loop.kind) {
    case "askFirst": {
      const { kind, ranksSuppressed = false } = loop.definition;
      return ranksSuppressed
        ? undefined
        : `undefined with ${kind}, which ranks no position after another`;
    }
    case "published":
      return loop.rule.order === "low_confidence" || loop.rule.order === "random"
        ? undefined
        : "undefined with the executor dense: LLaDA's generate alone has such a flag";
    case "leftToRight":
      return "undefined for an ar model, which reveals tokens in the order of the text";
    default:
      return {
        allowed:
          "undefined with a strategy that draws first: it knows where it reveals before it knows what",
        remedy: `Leave ${option} out, or take a strategy that asks first, such as strategy: "confidence".`,
      };
  }
}

function readTokens(
  option: "banned" | "suppressed",
  tokens: unknown,
  { vocabSize, maskId }: DenoiserModel,
): ReadonlySet<TokenId> {
  if (tokens === undefined) return new Set();
  if (!Array.isArray(tokens)) throw new OptionError(option, tokens, "an array of token ids");
  const allowed = `token ids in [0, ${vocabSize - 1}] other than the mask's, ${maskId}`;
  const ids = tokens.map((token: unknown) =>
    checkNumber(
      option,
      token,
      allowed,
      (id) => Number.isSafeInteger(id) && id >= 0 && id < vocabSize && id !== maskId,
    ),
  );
  return new Set(ids.sort((a, b) => a - b));
}

function readGuidance(guidance: unknown = 0): number {
  const allowed = `a number in [0, ${MAX_GUIDANCE}]`;
  return checkNumber("guidance", guidance, allowed, (x) => x >= 0 && x <= MAX_GUIDANCE);
}
