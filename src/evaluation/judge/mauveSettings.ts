/**
 * The settings of MAUVE, their ranges and defaults. `evaluate`, a judge's request and experiments
 * share them.
 */
import { checkNumber } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";

export interface ResolvedMauve {
  /** Seeds of k-means, each of which gives a score. Different integers in [0, 2^31 - 3]. */
  readonly seeds: readonly number[];
  /** c in exp(-c KL), in (0, 1000]. */
  readonly scale: number;
}

/** Whether MAUVE was asked for by name: only then it is an error if it cannot be computed. */
export interface WantedMauve extends ResolvedMauve {
  readonly isNamed: boolean;
}

export const DEFAULT_MAUVE: ResolvedMauve = { seeds: [1, 2, 3, 4, 5], scale: 5 };

/**
 * How many texts make a cluster: mauve-text makes a tenth as many clusters as there are texts, at
 * least two.
 */
export const TEXTS_PER_BUCKET = 10;
/** How many samples, and how many references, MAUVE needs at least. */
export const MAUVE_LEAST_TEXTS: number = 2 * TEXTS_PER_BUCKET;
/** The largest seed: mauve-text adds 2 to it, and k-means takes 31 bits. */
const MAX_SEED = 2 ** 31 - 3;
const MAX_SCALE = 1000;

/**
 * Checks settings of any origin and fills in the defaults.
 * @param given may leave out any setting.
 * @param prefix stands before the options' names in messages: `mauve.`.
 * @throws OptionError.
 */
export function checkMauveSettings(
  given: { readonly seeds?: unknown; readonly scale?: unknown },
  prefix = "",
): ResolvedMauve {
  const { seeds = DEFAULT_MAUVE.seeds, scale = DEFAULT_MAUVE.scale } = given;
  const allowed = `a number in (0, ${MAX_SCALE}]`;
  return {
    seeds: checkSeeds(`${prefix}seeds`, seeds),
    scale: checkNumber(`${prefix}scale`, scale, allowed, (x) => x > 0 && x <= MAX_SCALE),
  };
}

function checkSeeds(option: string, seeds: unknown): readonly number[] {
  const allowed = `different integers in [0, ${MAX_SEED}], at least one`;
  if (!Array.isArray(seeds) || seeds.length === 0) throw new OptionError(option, seeds, allowed);
  const seen = new Set<number>();
  for (const seed of seeds as unknown[]) {
    const isNew = (x: number): boolean =>
      Number.isSafeInteger(x) && x >= 0 && x <= MAX_SEED && !seen.has(x);
    seen.add(checkNumber(option, seed, allowed, isNew));
  }
  return [...seen];
}
