/** The paper's numbers (arXiv 2503.00307) and its settings, for comparison. The numbers are those of `data/paper.json`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelCard } from "../backend/protocol.ts";
import { packageRoot } from "../packageRoot.ts";
import { DEFAULTS } from "../strategyName.ts";
import type { Cell } from "./cells.ts";

export interface PaperRow {
  readonly sampler: string;
  /** null: the data themselves. */
  readonly steps: number | null;
  readonly mauve: number;
  readonly genPpl: number;
  /** Nats. */
  readonly entropy: number;
}

export interface Paper {
  readonly source: string;
  readonly rows: readonly PaperRow[];
}

/** Its eta from 1,024 steps on, and to 512 (section 6 and appendix). Between them it has none. */
const ETA = {
  "remdm-cap": { from1024: 0.008, to512: 0.04 },
  "remdm-rescale": { from1024: 0.015, to512: 0.045 },
  "remdm-loop": { from1024: 0.02, to512: 0.055 },
} as const;

const LENGTH = 1024;
const TOP_P = 0.9;

let read: Paper | undefined;

/** @throws Error when the package is damaged. */
export function paper(): Paper {
  read ??= JSON.parse(readFileSync(join(packageRoot, "data", "paper.json"), "utf8")) as Paper;
  return read;
}

/** @returns undefined for a strategy or a number of steps for which the paper gives none. */
export function paperEta(strategy: string, steps: number | undefined): number | undefined {
  if (!isTuned(strategy) || steps === undefined) return undefined;
  if (steps >= 1024) return ETA[strategy].from1024;
  return steps <= 512 ? ETA[strategy].to512 : undefined;
}

function isTuned(strategy: string): strategy is keyof typeof ETA {
  return Object.hasOwn(ETA, strategy);
}

/**
 * @returns the paper's row for the same setting: strategy with the paper's own parameters, steps, nucleus and length,
 * on a model of the published size, kind and vocabulary. What it was trained on cannot be seen.
 */
export function paperRow(cell: Cell, model: ModelCard): PaperRow | undefined {
  const sampler = samplerOf(cell, model);
  const steps = cell.strategy.kind === "ar" ? LENGTH : cell.steps;
  if (sampler === undefined || !isPublished(model) || cell.compat !== "remdm") return undefined;
  if ((cell.length ?? model.length) !== LENGTH) return undefined;
  if (cell.topP !== undefined && cell.topP !== TOP_P) return undefined;
  return paper().rows.find((row) => row.sampler === sampler && row.steps === steps);
}

function samplerOf({ strategy, steps, eta }: Cell, { kind }: ModelCard): string | undefined {
  const { kind: name } = strategy;
  switch (name) {
    case "mdlm":
      return "MDLM";
    case "analytic":
      return kind === "sedd" ? "SEDD" : undefined;
    case "ar":
      return "AR";
    case "forward-backward":
    case "dfm":
      return name;
    case "remdm-cap":
    case "remdm-rescale":
      return eta === paperEta(name, steps) ? name : undefined;
    case "remdm-loop": {
      const { tOn, tOff, alphaOn } = strategy;
      const same = tOn === DEFAULTS.tOn && tOff === DEFAULTS.tOff && alphaOn === DEFAULTS.alphaOn;
      return same && eta === paperEta(name, steps) ? name : undefined;
    }
    default:
      return undefined;
  }
}

/** 169M parameters: 12 blocks of 768, GPT-2's tokens and for diffusion a mask. */
function isPublished({ vocabSize, length, hiddenSize, blocks, weights }: ModelCard): boolean {
  return (
    (vocabSize === 50258 || vocabSize === 50257) &&
    length === LENGTH &&
    hiddenSize === 768 &&
    blocks === 12 &&
    weights === "ema"
  );
}
