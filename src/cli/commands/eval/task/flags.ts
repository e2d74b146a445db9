/** The flags of `remdm eval --task`, as commander hands them over: ranges are not checked yet. */
import type { ScorerName } from "../../../../evaluation/tasks/scorers.ts";
import type { SampleFlags } from "../../sample/flags.ts";

export interface TaskFlags extends Omit<SampleFlags, "samples"> {
  readonly task: string;
  readonly scorer?: ScorerName;
  readonly repeats: number;
  readonly limit?: number;
  readonly answerLength?: number;
  readonly likelihoodSamples?: number;
  readonly choiceScore?: "total" | "per-character";
  readonly concurrency?: number;
  /** A file of `--out` to compare with. */
  readonly against?: string;
  readonly resume?: true;
}
