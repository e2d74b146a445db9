/** Reports where an experiment stands while it goes on. */
import type { Experiment } from "../file/read.ts";

export interface ExperimentProgress {
  /** What is being done. `reading`: files, for their digests and as references. */
  readonly stage: "reading" | "loading" | "sampling" | "evaluating";
  /** What it is done to, for people: `demo remdm-cap T128`, `MAUVE`. */
  readonly what: string;
  readonly finishedCells: number;
  readonly cells: number;
  /** Includes the samples of earlier sessions. */
  readonly finishedSamples: number;
  readonly samples: number;
  /**
   * Share of the work that is done, in [0, 1], never falling: by the estimated cost of sampling
   * and, once that was measured, of evaluating.
   */
  readonly share: number;
  /** undefined while nothing has been measured. */
  readonly secondsLeft: number | undefined;
}

/** Gives the progress while files are read, before the directory was looked at. */
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
