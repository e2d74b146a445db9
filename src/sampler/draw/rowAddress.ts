/**
 * A row of logits has an address. Its noise is drawn for this address, and errors name it; the row
 * gives a draw or an error.
 */
import type { TokenId } from "../denoiser.ts";
import { RemdmError } from "../../foundation/errors.ts";

/** The place of a row: its noise is drawn for it, and errors name it. */
export interface RowAddress {
  /** The number that is drawn with. */
  readonly sample: number;
  /** N in a guided run, in which particle j of sample i draws with the number i N + j; else 1. */
  readonly particles?: number;
  readonly step: number;
  readonly position: number;
}

/** A token that was drawn from a row. */
export interface Draw {
  readonly token: TokenId;
  /**
   * Its probability in the distribution that it was drawn from, after temperature, top-k and
   * nucleus, in (0, 1]: psi of ReMDM-conf.
   */
  readonly probability: number;
  /**
   * Natural log of its probability in the whole row, before temperature, top-k and nucleus: the
   * softmax of all columns except the mask's. At most 0.
   */
  readonly logProbability: number;
}

/** A token that won an exponential race. */
export interface RacedDraw extends Draw {
  /**
   * How far ahead it won the exponential race: the time of the runner-up divided by its own, >= 1;
   * Infinity where nothing was drawn, or one token could be. A row that is a little different gives
   * another token where this is near 1.
   */
  readonly lead: number;
}

export function invalidRow(
  { sample, particles = 1, step, position }: RowAddress,
  what: string,
): RemdmError {
  const whose =
    particles === 1
      ? `sample ${sample}`
      : `sample ${Math.floor(sample / particles)}, particle ${sample % particles}`;
  return new RemdmError(
    `The network's row for ${whose}, step ${step}, position ${position} ${what}`,
    {
      code: "denoiser_invalid",
      remedy:
        "Check the model's weights and number format; a row needs finite logits (-Infinity rules a token out).",
    },
  );
}
