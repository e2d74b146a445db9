/** Declares what an experiment needs: models, a judge, measures. Tests bring their own. */
import type { ModelCard } from "../../backend/wire/protocol.ts";
import type { Evaluation } from "../../evaluation/evaluation.ts";
import type { EvaluationInput, EvaluationOptions } from "../../evaluation/evaluationOptions.ts";
import type { TextJudge } from "../../evaluation/judge/textJudge.ts";
import type { SampleOptions } from "../../program/sampleOptions.ts";
import type { SamplerEvent } from "../../sampler/events.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Experiment, ExperimentModel } from "../file/read.ts";

/** A loaded model: the part of `Remdm` that an experiment needs. */
export interface LoadedModel {
  readonly model: ModelCard;
  readonly tokenizer: Tokenizer;
  sample(options: SampleOptions): AsyncIterable<SamplerEvent>;
  close(): Promise<void>;
}

/** Fields of the model card that tell one judge from another beside its name. */
export const JUDGE_FIELDS = ["hiddenSize", "blocks", "vocabSize"] as const;

export type JudgeShape = Pick<ModelCard, (typeof JUDGE_FIELDS)[number]>;

/** A loaded judge: the part of `Judge` that an experiment needs. */
export interface LoadedJudge extends TextJudge {
  readonly model: JudgeShape;
  close(): Promise<void>;
}

export interface Services {
  /**
   * Checks, before anything starts, that the files of an experiment are there.
   * @throws OptionError, CheckpointError.
   */
  check(experiment: Experiment): void;
  /** Loads a model. */
  launch(
    model: ExperimentModel,
    experiment: Experiment,
    signal: AbortSignal | undefined,
  ): Promise<LoadedModel>;
  /** Loads the judge of an experiment that has one. @param model as the experiment names it. */
  judge(
    model: string,
    experiment: Experiment,
    signal: AbortSignal | undefined,
  ): Promise<LoadedJudge>;
  /** The least number of samples, and of references, that MAUVE needs. */
  readonly leastTexts: number;
  /** Measures the samples of a cell. */
  evaluate(input: EvaluationInput, options: EvaluationOptions): Promise<Evaluation>;
  /** Version of this package. */
  readonly version: string;
}
