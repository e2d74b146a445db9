/** What an experiment says of itself while it goes on. */
export interface ExperimentProgress {
  readonly stage: "loading" | "sampling" | "evaluating" | "writing";
  /** For people: `demo remdm-cap T128`, `MAUVE`. */
  readonly what: string;
  readonly finishedCells: number;
  readonly cells: number;
  /** Those of earlier sessions included. */
  readonly finishedSamples: number;
  readonly samples: number;
  /** Of the whole, by estimated cost, in [0, 1]. */
  readonly share: number;
  /** undefined while nothing has been measured. */
  readonly secondsLeft: number | undefined;
}
