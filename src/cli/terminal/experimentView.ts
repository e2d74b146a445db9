/** Shows how far an experiment is. */
import type { ExperimentProgress } from "../../experiment/run/progress.ts";
import { counted } from "../../foundation/messages.ts";
import { bar, clock, percent } from "./measures.ts";
import type { View } from "./progressRenderer.ts";
import { clip, harmless } from "./terminalText.ts";

const BAR_COLUMNS = 20;
const LINE_MS = 30_000;

/** A plain line comes with each cell and each load, and every half minute between. */
export function experimentView(progress: ExperimentProgress): View {
  const { stage, what, share } = progress;
  const isEvaluating = stage === "evaluating";
  return {
    work: isEvaluating ? stage : `${stage} ${what}`,
    done: share,
    pace: { firstMs: 0, anew: !isEvaluating, everyMs: () => LINE_MS },
    line: () => experimentFacts(progress),
    picture: (_, { columns }) => {
      const line = `${bar(share, BAR_COLUMNS)} ${experimentFacts(progress).trimStart()}`;
      return clip(line, columns - 1);
    },
  };
}

/** Writes `34%  5/18 cells  812/2304 samples  0:41:07 left  sampling demo_mdlm_T128_p0.9_seed1`. */
export function experimentFacts(progress: ExperimentProgress): string {
  const { finishedCells, cells, finishedSamples, samples, share, secondsLeft } = progress;
  return [
    percent(share).padStart(4),
    `${finishedCells}/${counted(cells, "cell")}`,
    `${finishedSamples}/${counted(samples, "sample")}`,
    ...(secondsLeft === undefined ? [] : [`${clock(secondsLeft)} left`]),
    harmless(`${progress.stage} ${progress.what}`),
  ].join("  ");
}
