/**
 * A `DrawRule` says from which part of a row's distribution a token is drawn. The logits are
 * divided by the temperature, then top-k keeps the likeliest tokens, then the nucleus keeps a part
 * of what top-k left, renormalised: the order of the field (`transformers`).
 */
import type { Quirks } from "../quirks.ts";

/** A prepared run is one. */
export interface DrawRule {
  /** Nucleus mass p in (0, 1]; 1 keeps every token. */
  readonly topP: number;
  /**
   * In [0, Infinity); default 1. Towards 0 it tends to the likeliest tokens, drawn evenly where
   * they are equal; 0 takes of these the lowest id. Towards Infinity it tends to all tokens of a
   * finite logit, drawn evenly.
   */
  readonly temperature?: number | undefined;
  /**
   * How many of the likeliest tokens are kept, of equals the lowest ids: an integer >= 1. Default:
   * all.
   */
  readonly topK?: number | undefined;
  /**
   * Whether the token that crosses p is dropped (`original`, the default) or kept (`paper`:
   * Holtzman et al., 2020).
   */
  readonly quirks?: Quirks;
}

/** Tells whether nothing is drawn: the likeliest token is taken, of equals the lowest id. */
export function takesLikeliest({ temperature, topK }: DrawRule): boolean {
  return temperature === 0 || topK === 1;
}

/** Tells whether top-k can leave a token out. @param vocabSize V, the mask included. */
export function cutsTokens({ topK = Infinity }: DrawRule, vocabSize: number): boolean {
  return topK < vocabSize - 1;
}

/**
 * Returns 1 / temperature as a finite number above 0, so that 0 times it is 0. Where it would be
 * larger than any double, every token below the likeliest has weight 0 anyway.
 */
export function inverseOf(temperature = 1): number {
  return Math.min(1 / temperature, Number.MAX_VALUE);
}
