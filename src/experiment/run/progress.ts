/** What an experiment says of itself while it goes on. */
import type { Experiment } from "../file/read.ts";

export interface ExperimentProgress {
  /** `reading`: files, for their digests and as references. */
  readonly stage: "reading" | "loading" | "sampling" | "evaluating";
  /** For people: `demo remdm-cap T128`, `MAUVE`. */
  readonly what: string;
  readonly finishedCells: number;
  readonly cells: number;
  /** Those of earlier sessions included. */
  readonly finishedSamples: number;
  readonly samples: number;
  /** Of the whole, by estimated cost of sampling and, once that was measured, of evaluating; in [0, 1], never falling. */
  readonly share: number;
  /** undefined while nothing has been measured. */
  readonly secondsLeft: number | undefined;
}

/** Before anything is known of what is there. */
export function readingOf({ cells }: Experiment, what: string): ExperimentProgress {
  return {
    stage: "reading",
    what,
    finishedCells: 0,
    cells: cells.length,
    finishedSamples: 0,
    samples: cells.reduce((sum, { samples }) => sum + samples, 0),
    share: 0,
    secondsLeft: undefined,
  };
}
