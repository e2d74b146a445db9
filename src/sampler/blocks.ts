/**
 * Blocks of a network that is causal over them (BD3-LM): a position sees its own block and what
 * stands left of it, so such a text has no bound of its own, and is generated block by block.
 */
import { checkInteger } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { DenoiserModel } from "./denoiser.ts";

/** Tokens of the longest text of a model with blocks of its own, as the backend has it. */
export const MAX_BLOCK_TEXT = 2 ** 20;

/** Returns the tokens of the longest text that a model takes. */
export function longestText({
  length,
  blockLength,
}: Pick<DenoiserModel, "length" | "blockLength">): number {
  return blockLength === undefined ? length : MAX_BLOCK_TEXT;
}

/**
 * Returns the block length of a run.
 * @param given `blockLength` of the run.
 * @param length of the text.
 * @param own `blockLength` of the model.
 * @returns undefined: the text is generated as a whole.
 * @throws OptionError, for a model with blocks of its own also for any others.
 */
export function readBlockLength(
  given: unknown,
  length: number,
  own: number | undefined,
): number | undefined {
  if (own === undefined) {
    return given === undefined ? undefined : checkInteger("blockLength", given, 1, length);
  }
  if (given === undefined || given === own) return own;
  throw new OptionError("blockLength", given, {
    allowed: `${own}, or left out: the network was trained on blocks of ${own} tokens`,
    remedy: "Leave blockLength out, or take a checkpoint that was trained on such blocks.",
  });
}

/**
 * Returns where the first block of a text begins: after what is given at its beginning, or, as the
 * network has its blocks at fixed places, with the block in which that ends.
 */
export function firstBlockOf(
  given: number,
  blockLength: number | undefined,
  own: number | undefined,
): number {
  if (blockLength === undefined) return 0;
  return own === undefined ? given : Math.floor(given / own) * own;
}

/**
 * Returns how many tokens of each sequence a call needs: up to the end of the last block at hand,
 * for a network that sees nothing right of it.
 * @param length of the texts.
 * @param windows whose blocks at hand are asked about.
 */
export function seenLength(
  { blockLength }: DenoiserModel,
  length: number,
  windows: readonly { readonly end: number }[],
): number {
  return blockLength === undefined ? length : Math.max(...windows.map(({ end }) => end));
}
