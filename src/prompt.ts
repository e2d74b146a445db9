/** A prompt is a text whose tokens are pinned at the beginning. */
import { isRecord } from "./sampler/checks.ts";
import type { DenoiserModel } from "./sampler/denoiser.ts";
import { OptionError } from "./sampler/errors.ts";
import type { SamplerOptions } from "./sampler/events.ts";
import { resolveOptions } from "./sampler/options.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/**
 * @returns the sampler's options, with the prompt's tokens among the pinned ones.
 * @throws OptionError when the prompt is no text, is too long, or meets a pinned position.
 */
export function pinPrompt(
  options: SamplerOptions & { readonly prompt?: string },
  tokenizer: Tokenizer,
  model: DenoiserModel,
): SamplerOptions {
  if (!isRecord(options)) throw new OptionError("options", options, "an object");
  const { prompt, ...rest } = options;
  if (prompt === undefined) return rest;
  if (typeof prompt !== "string") throw new OptionError("prompt", prompt, "a text");
  const { length, pinned } = resolveOptions(rest, model);
  const tokens = tokenizer.encode(prompt);
  // An ar model's first token is the one that begins every text.
  const first = model.kind === "ar" ? 1 : 0;
  if (tokens.length > length - first) {
    const allowed = `a text of at most ${length - first} tokens (this one has ${tokens.length})`;
    throw new OptionError("prompt", prompt, allowed);
  }
  const meeting = tokens.findIndex((_, position) => pinned.has(first + position));
  if (meeting >= 0) {
    const allowed = `beyond the prompt, which takes the ${tokens.length} positions from ${first} on`;
    throw new OptionError("pinned position", first + meeting, allowed);
  }
  const prompted = tokens.map((token, position) => [first + position, token] as const);
  return { ...rest, pinned: new Map([...prompted, ...pinned]) };
}
