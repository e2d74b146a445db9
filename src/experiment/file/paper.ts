/** Reads the paper's numbers and settings (arXiv 2503.00307) from `data/paper.json`. */
import { readFileSync } from "node:fs";
import { packagePath } from "../../foundation/packageRoot.ts";

/** A row of the paper's table. */
export interface PaperRow {
  readonly sampler: string;
  /** null: the row of the data themselves. */
  readonly steps: number | null;
  readonly mauve: number;
  readonly genPpl: number;
  /** Nats. */
  readonly entropy: number;
}

type Tuned = "remdm-cap" | "remdm-rescale" | "remdm-loop";

export interface Paper {
  readonly source: string;
  readonly setting: {
    /** From 1,024 steps on, and up to 512 (section 6 and appendix); between them there is none. */
    readonly eta: {
      readonly stepsFrom1024: Readonly<Record<Tuned, number>>;
      readonly stepsTo512: Readonly<Record<Tuned, number>>;
    };
  };
  readonly rows: readonly PaperRow[];
}

let read: Paper | undefined;

/** Reads the paper's numbers once. @throws Error when the package is damaged. */
export function paper(): Paper {
  read ??= JSON.parse(readFileSync(packagePath("data", "paper.json"), "utf8")) as Paper;
  return read;
}

/** Gives the paper's eta. @returns undefined where the paper has none for strategy and steps. */
export function paperEta(strategy: string, steps: number | undefined): number | undefined {
  const { stepsFrom1024, stepsTo512 } = paper().setting.eta;
  if (!isTuned(strategy) || steps === undefined) return undefined;
  if (steps >= 1024) return stepsFrom1024[strategy];
  return steps <= 512 ? stepsTo512[strategy] : undefined;
}

function isTuned(strategy: string): strategy is Tuned {
  return Object.hasOwn(paper().setting.eta.stepsFrom1024, strategy);
}
