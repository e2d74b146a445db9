/** Fills a text before its first step: with the given tokens, and with masks. */
import type { DenoiserModel } from "../denoiser.ts";
import type { PreparedRun } from "../prepare.ts";

/**
 * Returns [L], with `stride` [L + strides * stride], token ids; for `ar` with the token that begins
 * a text.
 */
export function blankText(
  run: PreparedRun,
  { maskId, bosId = 0 }: DenoiserModel, // an ar model has a bosId: `prepare` has seen to it
): Int32Array {
  const { loop, length, stride, strides, steps, pinned, start, endIds } = run;
  const text = new Int32Array(length + strides * stride).fill(maskId);
  const isForced = loop.kind === "leftToRight" && steps + 1 < length;
  if (loop.kind === "leftToRight") text[0] = bosId;
  if (isForced) text[length - 1] = bosId;
  for (const [position, token] of [...pinned, ...(start?.tokens ?? [])]) text[position] = token;
  // The original ends every ar text with the token that it began with; a text that may end earlier
  // needs no forced end.
  const isSpared = isForced && endIds.length > 0 && !pinned.has(length - 1);
  return isSpared ? text.subarray(0, length - 1) : text;
}
