/** The paper's numbers (arXiv 2503.00307) and its settings, for comparison. The numbers are those of `data/paper.json`. */
import { readFileSync } from "node:fs";
import type { ModelCard } from "../../backend/wire/protocol.ts";
import { packagePath } from "../../foundation/packageRoot.ts";
import { DEFAULTS } from "../../sampler/strategyName.ts";
import type { Cell } from "./cells.ts";
import type { JudgeShape } from "../run/services.ts";

export interface PaperRow {
  readonly sampler: string;
  /** null: the data themselves. */
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
    /** From 1,024 steps on, and to 512 (section 6 and appendix). Between them it has none. */
    readonly eta: {
      readonly stepsFrom1024: Readonly<Record<Tuned, number>>;
      readonly stepsTo512: Readonly<Record<Tuned, number>>;
    };
  };
  readonly rows: readonly PaperRow[];
}

const LENGTH = 1024;
const TOP_P = 0.9;

let read: Paper | undefined;

/** @throws Error when the package is damaged. */
export function paper(): Paper {
  read ??= JSON.parse(readFileSync(packagePath("data", "paper.json"), "utf8")) as Paper;
  return read;
}

/** @returns undefined for a strategy or a number of steps for which the paper gives none. */
export function paperEta(strategy: string, steps: number | undefined): number | undefined {
  const { stepsFrom1024, stepsTo512 } = paper().setting.eta;
  if (!isTuned(strategy) || steps === undefined) return undefined;
  if (steps >= 1024) return stepsFrom1024[strategy];
  return steps <= 512 ? stepsTo512[strategy] : undefined;
}

function isTuned(strategy: string): strategy is Tuned {
  return Object.hasOwn(paper().setting.eta.stepsFrom1024, strategy);
}

/** Whether a judge has the shape of GPT-2 large, which the paper's MAUVE and perplexity are by. */
export function isPaperJudge(judge: JudgeShape | null): boolean {
  if (judge === null) return false;
  const { hiddenSize, blocks, vocabSize } = judge;
  return hiddenSize === 1280 && blocks === 36 && vocabSize === 50257;
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
