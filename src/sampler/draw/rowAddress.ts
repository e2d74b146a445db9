/** Whose row of logits it is, and the error for one that cannot be drawn from. */
import { RemdmError } from "../../foundation/errors.ts";

/** Its noise is drawn for this address, and errors name it. */
export interface RowAddress {
  readonly sample: number;
  readonly step: number;
  readonly position: number;
}

export function invalidRow({ sample, step, position }: RowAddress, what: string): RemdmError {
  return new RemdmError(
    `The network's row for sample ${sample}, step ${step}, position ${position} ${what}`,
    {
      code: "denoiser_invalid",
      remedy:
        "Check the model's weights and number format; a row needs finite logits (-Infinity rules a token out).",
    },
  );
}
