/** What stands in a text before the first step: what was given, and masks. */
import type { DenoiserModel } from "../denoiser.ts";
import type { ResolvedOptions } from "../options.ts";

/** @returns [L], with `stride` [L + strides * stride] token ids; for `ar` with the token that begins a text. */
export function blankText(
  options: ResolvedOptions,
  { maskId, bosId = 0 }: DenoiserModel, // an ar model has a bosId: `resolveOptions` has seen to it
): Int32Array {
  const { method, length, stride, strides, steps, pinned, endId } = options;
  const text = new Int32Array(length + strides * stride).fill(maskId);
  const isForced = method.kind === "autoregressive" && steps + 1 < length;
  if (method.kind === "autoregressive") text[0] = bosId;
  if (isForced) text[length - 1] = bosId;
  for (const [position, token] of pinned) text[position] = token;
  // The original ends every ar text with the token that it began with; a text that ends by itself needs no other end.
  const isSpared = isForced && endId !== undefined && !pinned.has(length - 1);
  return isSpared ? text.subarray(0, length - 1) : text;
}
