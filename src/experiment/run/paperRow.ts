/** Which row of the paper's table a cell may be compared with. */
import type { ModelCard } from "../../backend/wire/protocol.ts";
import { DEFAULTS } from "../../sampler/strategyName.ts";
import type { Cell } from "../file/cell.ts";
import { paper, paperEta, type PaperRow } from "../file/paper.ts";
import type { JudgeShape } from "./services.ts";

const LENGTH = 1024;
const TOP_P = 0.9;

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
