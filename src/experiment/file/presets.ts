/** Makes experiments of the original repository's `scripts/*.sh`, with its names and settings. */
import { quoted } from "../../foundation/messages.ts";
import { nearest } from "../../foundation/nearest.ts";
import { ExperimentError } from "../errors.ts";
import { paperEta } from "./paper.ts";
import type { ExperimentFile, StrategyEntry } from "./types.ts";

/** Every script has 1,024 steps, 5,000 samples, seed 1 and, except `sedd`, a nucleus of 0.9. */
const STEPS = 1024;
const SAMPLES = 5000;
const TOP_P = 0.9;
const PLATEAU = { tOn: 0.55, tOff: 0.05, alphaOn: 0.9 };

const STRATEGIES = {
  ar: { name: "ar", label: "AR" },
  sedd: { name: "analytic", label: "SEDD" },
  mdlm: { name: "mdlm", label: "MDLM" },
  fb: { name: "forward-backward" },
  dfm: { name: "dfm" },
  "remdm-cap": { name: "remdm-cap", eta: "paper" },
  "remdm-rescale": { name: "remdm-rescale", eta: "paper" },
  "remdm-conf": { name: "remdm-conf" },
  "remdm-loop": { name: "remdm-loop", eta: "paper", ...PLATEAU },
} as const satisfies Readonly<Record<string, StrategyEntry>>;

export type PresetName = keyof typeof STRATEGIES;

export const PRESETS = Object.keys(STRATEGIES) as PresetName[];

export interface PresetOptions {
  readonly checkpoint: string;
  /** Takes the last training step's weights instead of the averaged (EMA) ones. Default false. */
  readonly rawWeights?: boolean;
  /** A directory with GPT-2 large, as in the published setting; false for no judge. */
  readonly judge?: string | false;
  readonly references?: string;
  readonly samples?: number;
  readonly steps?: readonly number[];
}

/**
 * Makes the experiment of a preset.
 * @throws ExperimentError experiment_invalid for an unknown name.
 */
export function presetExperiment(given: string, options: PresetOptions): ExperimentFile {
  const name = presetOf(given);
  if (name === undefined) {
    const meant = nearest(given, PRESETS);
    throw new ExperimentError(
      "experiment_invalid",
      `There is no preset ${quoted(given)}`,
      `${meant === undefined ? "" : `Did you mean ${meant}? `}Use one of ${PRESETS.join(", ")}.`,
    );
  }
  const { checkpoint, rawWeights, judge, references } = options;
  const { samples = SAMPLES, steps = [STEPS] } = options;
  return {
    name,
    ...(references !== undefined && { references }),
    ...(judge !== undefined && { judge }),
    samples,
    seeds: 1,
    models: [
      {
        checkpoint,
        ...(rawWeights && { rawWeights }),
        ...(name !== "ar" && { steps }),
        ...(name !== "sedd" && { topP: TOP_P }),
        strategies: [STRATEGIES[name]],
      },
    ],
  };
}

/** Writes a line with the paper's eta for each number of steps; empty where the paper has none. */
export function etaNote(name: string, steps: readonly number[] = [STEPS]): string {
  const preset = presetOf(name);
  const strategy = preset === undefined ? name : STRATEGIES[preset].name;
  const said = steps.flatMap((step) => {
    const eta = paperEta(strategy, step);
    return eta === undefined ? [] : [`${eta} with ${step.toLocaleString("en-US")} steps`];
  });
  return said.length === 0 ? "" : `The paper's eta: ${said.join(", ")}.`;
}

/** Finds a preset by its name or its strategy's: `forward-backward` is `fb`. */
function presetOf(name: string): PresetName | undefined {
  return (
    PRESETS.find((preset) => preset === name) ?? (name === "forward-backward" ? "fb" : undefined)
  );
}
