/**
 * Finds the tokenizer that samples were drawn with: the one that makes their texts of their tokens.
 */
import { tokenEntropy } from "../measures/entropy.ts";
import { TokenizerError } from "../../tokenizer/errors.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { SampleSet } from "./samplesFile.ts";

/** The tokenizers that come with the package. */
const BUILT_IN = ["demo", "gpt2"];
/** How many samples are looked at. */
const TRIED = 8;
/**
 * Mean difference of entropies, in nats, below which tokens count as the same: a tokenizer does not
 * always make the tokens that were sampled of their text.
 */
const ENTROPY_TOLERANCE = 0.05;

/**
 * Loads the tokenizer that is named, or tries the ones that come with the package.
 * @param source as for {@link loadTokenizer}.
 * @returns undefined when no tokenizer fits, or when the samples are texts alone, which every
 * tokenizer fits.
 * @throws TokenizerError: tokenizer_mismatch when the tokenizer that is named makes other texts of
 * the tokens.
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

/** Whether these tokens have these entropies, as far as the first samples tell. */
export function haveEntropies(
  tokens: readonly ArrayLike<number>[],
  entropies: readonly number[],
): boolean {
  const off = tokens.slice(0, TRIED).map((ids, i) => Math.abs(tokenEntropy(ids) - entropies[i]));
  return off.reduce((sum, x) => sum + x, 0) / off.length < ENTROPY_TOLERANCE;
}

/**
 * Whether a tokenizer makes the texts that stand beside the tokens: then the tokens are of its
 * vocabulary.
 */
export function givesBack(
  tokenizer: Tokenizer,
  texts: readonly string[],
  tokens: readonly ArrayLike<number>[],
): boolean {
  return texts.slice(0, TRIED).every((text, i) => tokenizer.decode(tokens[i]) === text);
}
