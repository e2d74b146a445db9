/** What may be set of MAUVE, and what it is by default: for `evaluate`, for a judge's request and for experiments alike. */
import { checkNumber } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";

export interface ResolvedMauve {
  /** Of k-means; one score each. Different integers in [0, 2^31 - 3]. */
  readonly seeds: readonly number[];
  /** c in exp(-c KL), in (0, 1000]. */
  readonly scale: number;
}

/** Where it cannot be computed, that is an error only if it was asked for by name. */
export interface WantedMauve extends ResolvedMauve {
  readonly isNamed: boolean;
}

export const DEFAULT_MAUVE: ResolvedMauve = { seeds: [1, 2, 3, 4, 5], scale: 5 };

/** Texts to a cluster: mauve-text makes a tenth as many clusters as there are texts, and two are the least. */
export const TEXTS_PER_BUCKET = 10;
/** Of samples and of references. */
export const MAUVE_LEAST_TEXTS: number = 2 * TEXTS_PER_BUCKET;
/** mauve-text adds 2 to it, and k-means takes 31 bits. */
const MAX_SEED = 2 ** 31 - 3;
const MAX_SCALE = 1000;

/**
 * @param given of any origin; what it leaves out has its default.
 * @param prefix of the options in messages: `mauve.`.
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
