/** What an experiment stands on: something that samples, something that judges, something that measures. Tests bring their own. */
import type { ModelCard } from "../../backend/wire/protocol.ts";
import type { Evaluation } from "../../evaluation/evaluation.ts";
import type { EvaluationInput, EvaluationOptions } from "../../evaluation/evaluationOptions.ts";
import type { TextJudge } from "../../evaluation/judge/textJudge.ts";
import type { SamplerEvent, SamplerOptions } from "../../sampler/events.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Experiment, ExperimentModel } from "../file/read.ts";

/** A model that is loaded: what an experiment needs of `Remdm`. */
export interface LoadedModel {
  readonly model: ModelCard;
  readonly tokenizer: Tokenizer;
  sample(options: SamplerOptions): AsyncIterable<SamplerEvent>;
  close(): Promise<void>;
}

/** Fields of the model card that tell one judge from another beside its name. */
export const JUDGE_FIELDS = ["hiddenSize", "blocks", "vocabSize"] as const;

export type JudgeShape = Pick<ModelCard, (typeof JUDGE_FIELDS)[number]>;

export interface LoadedJudge extends TextJudge {
  readonly model: JudgeShape;
  close(): Promise<void>;
}

export interface Services {
  /** Whether what an experiment names is there, before anything starts. @throws OptionError, CheckpointError. */
  check(experiment: Experiment): void;
  launch(
    model: ExperimentModel,
    experiment: Experiment,
    signal: AbortSignal | undefined,
  ): Promise<LoadedModel>;
  /** @param model as the experiment names it. Asked only for experiments that have a judge. */
  judge(
    model: string,
    experiment: Experiment,
    signal: AbortSignal | undefined,
  ): Promise<LoadedJudge>;
  /** Samples, and references, that MAUVE needs. */
  readonly leastTexts: number;
  evaluate(input: EvaluationInput, options: EvaluationOptions): Promise<Evaluation>;
  /** Of this package. */
  readonly version: string;
}
