/**
 * A top row is a row of logits cut down to the tokens that can be drawn, as a backend sends it to
 * save the rest.
 */
import type { TopRow } from "../denoiser.ts";
import { invalidRow, type RowAddress } from "./rowAddress.ts";

export type { TopRow };

/**
 * A list that ends this much of the probability before p lacks tokens of the nucleus. A backend's
 * sums in float32 have far smaller errors.
 */
export const LACKING = 1e-4;

/** Returns the log-probability of a listed token. @param place of the token in the lists. */
export function logProbabilityOf({ logits, logMass }: TopRow, place: number): number {
  return Math.min(0, logits[place] - logMass); // the mass may be rounded down
}

/**
 * Returns the place of the likeliest token in the lists, of equals the lowest id.
 * @throws RemdmError `denoiser_invalid` for a row that cannot be part of a distribution.
 */
export function likeliestOf(
  { ids, logits, rest, logMass }: TopRow,
  vocabSize: number,
  maskId: number,
  at: RowAddress,
): number {
  if (ids.length !== logits.length) {
    throw invalidRow(at, `has ${ids.length} tokens and ${logits.length} logits`);
  }
  if (!(rest >= 0 && rest < Infinity)) throw invalidRow(at, `leaves out a mass of ${rest}`);
  let before = -1;
  let max = -Infinity;
  let likeliest = -1;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    const logit = logits[i];
    if (id <= before || id >= vocabSize || id === maskId) {
      throw invalidRow(
        at,
        `lists token ${id} after ${before}, of ${vocabSize} with mask ${maskId}`,
      );
    }
    before = id;
    if (logit <= max) continue;
    if (!(logit < Infinity)) throw invalidRow(at, `holds ${logit} for token ${id}`);
    max = logit;
    likeliest = i;
  }
  if (likeliest < 0) throw invalidRow(at, "gives no token a chance");
  if (!(logMass >= max - LACKING && logMass < Infinity)) {
    throw invalidRow(at, `has a log mass of ${logMass}, and ${max} as its largest logit`);
  }
  return likeliest;
}
