/** What an experiment says of itself while it goes on. */
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
