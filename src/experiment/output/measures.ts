/**
 * Lists the measures of a cell: the table, the charts and the report are made of this list. A new
 * metric is computed in `src/evaluation/measures`, and one entry here shows it.
 */
import type { PaperRow } from "../file/paper.ts";
import type { CellResult } from "../run/results.ts";

/** A number of a cell, with its error where it has one; null where the number is not finite. */
export interface Measured {
  readonly value: number | null;
  /** Half of the error bar. */
  readonly error: number | null;
}

/** A measure, and how people see it. */
export interface Measure {
  /** Heads the column. */
  readonly title: string;
  /** Digits after the point, in the table. */
  readonly digits: number;
  /** `share`: a number in [0, 1] that is written as a percentage. Default: a plain number. */
  readonly unit?: "share";
  /** The direction of better text. Absent: the nearer to real text the better. */
  readonly better?: "higher" | "lower";
  /** The largest possible value. Default: no limit; 1 for a share. */
  readonly most?: number;
  /** Reads the measure; undefined: the cell does not have it. */
  readonly of: (result: CellResult) => Measured | undefined;
  /** Reads the same measure of the references: what real text has. */
  readonly ofReal?: (result: CellResult) => Measured | undefined;
  /** Explains number and error, as a sentence. */
  readonly note?: string;
  readonly chart?: MeasureChart;
  readonly paper?: PaperColumn;
}

/** A measure that has a chart. */
export type ChartedMeasure = Measure & { readonly chart: MeasureChart };

/** How a measure is drawn against the number of steps. */
export interface MeasureChart {
  /** First part of the file's name. */
  readonly file: string;
  /** Begins the title. */
  readonly name: string;
  /** Names the axis; the direction of better text follows. */
  readonly axis: string;
  /** Follows the direction, or stands alone. */
  readonly unit?: string;
  /** Explains the error bars. */
  readonly bars?: string;
}

/** The same measure in the paper's table. */
export interface PaperColumn {
  readonly title: string;
  readonly of: Exclude<keyof PaperRow, "sampler" | "steps">;
  /** Whether the number depends on the judge, so that another judge's does not compare. */
  readonly isJudged?: true;
}

const MAUVE_ERROR =
  "standard deviation over the seeds of its k-means, not the error from few samples, which is larger";

export const MAUVE = {
  title: "MAUVE",
  digits: 3,
  better: "higher",
  most: 1,
  ...evaluated("mauve"),
  note: `MAUVE: mean ± ${MAUVE_ERROR}.`,
  chart: { file: "mauve", name: "MAUVE", axis: "MAUVE", bars: `MAUVE's bars: ${MAUVE_ERROR}.` },
  paper: { title: "MAUVE", of: "mauve", isJudged: true },
} satisfies ChartedMeasure;

export const PERPLEXITY = {
  title: "gen. PPL",
  digits: 1,
  better: "lower",
  ...evaluated("genPpl"),
  note: "Generative perplexity: ± standard error over samples.",
  chart: {
    file: "perplexity",
    name: "Generative perplexity",
    axis: "generative perplexity",
    unit: "beside entropy",
  },
  paper: { title: "PPL", of: "genPpl", isJudged: true },
} satisfies ChartedMeasure;

/** All measures, in the order of the table's columns. */
export const MEASURES: readonly Measure[] = [
  MAUVE,
  PERPLEXITY,
  {
    title: "entropy",
    digits: 2,
    ...evaluated("entropy"),
    note: "Entropy: nats, of each sample's own tokens, ± standard error over samples.",
    chart: {
      file: "entropy",
      name: "Entropy",
      axis: "entropy of a sample's tokens",
      unit: "nats",
    },
    paper: { title: "entropy", of: "entropy" },
  },
  { title: "distinct-2", digits: 3, ...evaluated("distinct2") },
  {
    title: "repetition",
    digits: 1,
    unit: "share",
    ...evaluated("repetition"),
    note: "Repetition: share of 4-grams that occurred earlier in their sample.",
  },
  {
    title: "known words",
    digits: 1,
    unit: "share",
    ...evaluated("knownWords"),
    chart: {
      file: "known-words",
      name: "Known words",
      axis: "share of known words among those of 3 letters and more",
    },
  },
  {
    title: "calls/sample",
    digits: 0,
    of: ({ forwardCalls }) => ({ value: forwardCalls, error: null }),
    note: "Calls: of the network, that a sample takes part in.",
  },
];

/** A measure as an evaluation holds it: a number, or a record of a number and its error. */
type Found = number | null | FoundRecord | undefined;

interface FoundRecord {
  readonly mean?: number | null;
  readonly value?: number | null;
  readonly standardError?: number | null;
  readonly standardDeviation?: number | null;
}

/** Keys of an evaluation that hold a measure. */
type MeasureKey = {
  [Key in keyof Evaluation]-?: Evaluation[Key] extends Found ? Key : never;
}[keyof Evaluation];
type Evaluation = CellResult["evaluation"];

/** Reads a measure of the samples, and the same of the references, by its key in the evaluation. */
function evaluated(key: MeasureKey): Pick<Measure, "of" | "ofReal"> {
  return {
    of: ({ evaluation }) => measured(evaluation[key]),
    ofReal: ({ evaluation: { references } }) => {
      const real: Partial<Record<MeasureKey, Found>> = references ?? {};
      return measured(real[key]);
    },
  };
}

function measured(found: Found): Measured | undefined {
  if (found === undefined) return undefined;
  if (found === null || typeof found === "number") return { value: found, error: null };
  const { mean, value = mean, standardDeviation, standardError = standardDeviation } = found;
  return { value: value ?? null, error: standardError ?? null };
}
