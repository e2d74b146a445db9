/** Which tokenizer samples were drawn with: the one that gives their texts back. */
import { tokenEntropy } from "../measures/entropy.ts";
import { TokenizerError } from "../../tokenizer/errors.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { SampleSet } from "./samplesFile.ts";

/** Those that come with the package. */
const BUILT_IN = ["demo", "gpt2"];
/** Samples that are looked at. */
const TRIED = 8;
/** Nats: sampled tokens are not always those that a tokenizer makes of their text. */
const ENTROPY_TOLERANCE = 0.05;

/**
 * @param source as for {@link loadTokenizer}; without one, the tokenizers that come with the package are tried.
 * @returns undefined when none of them fits, or when the samples are texts alone, which every tokenizer fits.
 * @throws TokenizerError: tokenizer_mismatch when the one that is named makes other texts of the tokens.
 */
export async function findTokenizer(
  samples: SampleSet,
  source?: string,
): Promise<Tokenizer | undefined> {
  if (source !== undefined) {
    const tokenizer = await loadTokenizer(source);
    if (samples.tokens === undefined || (await fits(tokenizer, samples))) return tokenizer;
    throw new TokenizerError(
      "tokenizer_mismatch",
      `The tokenizer ${tokenizer.name} makes other texts of the samples' tokens than stand beside them`,
      "Name the tokenizer that they were drawn with, or leave `tokenizer` out.",
    );
  }
  for (const name of BUILT_IN) {
    const tokenizer = await loadTokenizer(name);
    if (await fits(tokenizer, samples)) return tokenizer;
  }
  return undefined;
}

async function fits(
  tokenizer: Tokenizer,
  { texts, tokens, entropies }: SampleSet,
): Promise<boolean> {
  if (tokens !== undefined) return givesBack(tokenizer, texts, tokens);
  if (entropies === undefined) return false;
  const looked = texts.slice(0, TRIED).map((text) => tokenizer.encode(text));
  return haveEntropies(await Promise.all(looked), entropies);
}

/** Whether entropies are those of these tokens, as far as the first samples tell. */
export function haveEntropies(
  tokens: readonly ArrayLike<number>[],
  entropies: readonly number[],
): boolean {
  const off = tokens.slice(0, TRIED).map((ids, i) => Math.abs(tokenEntropy(ids) - entropies[i]));
  return off.reduce((sum, x) => sum + x, 0) / off.length < ENTROPY_TOLERANCE;
}

/** Whether a tokenizer makes of tokens the texts that stand beside them: then they are of its vocabulary. */
export function givesBack(
  tokenizer: Tokenizer,
  texts: readonly string[],
  tokens: readonly ArrayLike<number>[],
): boolean {
  return texts.slice(0, TRIED).every((text, i) => tokenizer.decode(tokens[i]) === text);
}
