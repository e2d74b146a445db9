/** Finds the row of the paper's table that a cell may be compared with. */
import type { ModelCard } from "../../backend/wire/protocol.ts";
import { defaultLength } from "../../sampler/denoiser.ts";
import { LOOP_OPTIONS } from "../../sampler/strategies/window.ts";
import type { Cell } from "../file/cell.ts";
import { paper, paperEta, type PaperRow } from "../file/paper.ts";
import type { JudgeShape } from "./services.ts";

const LENGTH = 1024;
const TOP_P = 0.9;

/** Tells whether a judge has the shape of GPT-2 large, the judge of the paper. */
export function isPaperJudge(judge: JudgeShape | null): boolean {
  if (judge === null) return false;
  const { hiddenSize, blocks, vocabSize } = judge;
  return hiddenSize === 1280 && blocks === 36 && vocabSize === 50257;
}

/**
 * Finds the paper's row of the same setting: the strategy with the paper's parameters, the steps,
 * the nucleus alone and the length, on a model of the published size, kind and vocabulary.
 * Limitation: the training data of a model cannot be seen.
 * @returns undefined where the paper has no such row.
 */
export function paperRow(cell: Cell, model: ModelCard): PaperRow | undefined {
  const sampler = samplerOf(cell, model);
  const steps = cell.strategy.kind === "ar" ? LENGTH : cell.steps;
  if (sampler === undefined || !isPublished(model) || cell.quirks !== "original") return undefined;
  if ((cell.length ?? defaultLength(model)) !== LENGTH) return undefined;
  if (cell.topP !== undefined && cell.topP !== TOP_P) return undefined;
  if (cell.blockLength !== undefined) return undefined;
  if (cell.temperature !== 1 || cell.topK !== undefined) return undefined;
  if (cell.banned.length > 0 || cell.suppressed.length > 0) return undefined;
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
      const said: Readonly<Record<string, unknown>> = { ...strategy };
      const same = Object.entries(LOOP_OPTIONS).every(
        ([option, { default: value }]) => said[option] === value,
      );
      return same && eta === paperEta(name, steps) ? name : undefined;
    }
    default:
      return undefined;
  }
}

/** Tells whether a model has the published shape: 12 blocks of 768, GPT-2's tokens. */
function isPublished({ vocabSize, length, hiddenSize, blocks, weights }: ModelCard): boolean {
  return (
    (vocabSize === 50258 || vocabSize === 50257) &&
    length === LENGTH &&
    hiddenSize === 768 &&
    blocks === 12 &&
    weights === "ema"
  );
}
