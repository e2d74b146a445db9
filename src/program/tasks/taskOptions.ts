/** The options of `evaluateTask`, and their checks. */
import type { ScorerName } from "../../evaluation/tasks/scorers.ts";
import type { TaskAnswer } from "../../evaluation/tasks/scores.ts";
import {
  checkAbsent,
  checkChoice,
  checkFunction,
  checkInteger,
  isRecord,
} from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import type { SampleOptions } from "../sampleOptions.ts";

/** The options of a run that the items and the task decide. */
const SET_BY_TASK = [
  "prompt",
  "pinned",
  "start",
  "length",
  "samples",
  "firstSample",
  "stride",
  "strides",
  "until",
  "guide",
  "specialTokens",
] as const satisfies readonly (keyof SampleOptions)[];

/** How answers are sampled: as `sample` does, an item's prompt at the beginning. */
export type AnswerOptions = Omit<SampleOptions, (typeof SET_BY_TASK)[number]>;

export interface TaskOptions extends AnswerOptions {
  /** The scorer of items that name none. Default: such an item is an error. */
  readonly scorer?: ScorerName;
  /**
   * Tokens of an answer, its end-of-text token included: an integer >= 1. Default 128, or as many
   * as the model has room for after the prompt where that is less.
   */
  readonly answerLength?: number;
  /** Answers to each item, an integer in [1, 1000]. An item of `choice` has one. Default 1. */
  readonly repeats?: number;
  /**
   * Sets of masked positions that estimate the likelihood of a choice, an integer in [2, 65536]. A
   * choice of few tokens has no more sets than that, and its bound is exact. Default 128, as LLaDA
   * has it; 128 sets are all sets of 7 tokens.
   */
  readonly likelihoodSamples?: number;
  /**
   * What makes a choice the answer: the likelihood of the `total`, or its logarithm
   * `per-character`, which long choices lose less by. lm-eval-harness calls them `acc` and
   * `acc_norm`. Default `total`.
   */
  readonly choiceScore?: "total" | "per-character";
  /** Items that are answered at the same time, an integer >= 1. Default 4. */
  readonly concurrency?: number;
  /** Answers of an earlier evaluation of the same settings, which are kept and not made again. */
  readonly earlier?: readonly TaskAnswer[];
  /** Receives each answer as soon as it is scored, in any order of the items. */
  readonly onAnswer?: (answer: TaskAnswer) => void;
  /** Tells how many answers there are, and how many there will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface CheckedTask {
  readonly scorer: ScorerName | undefined;
  readonly answerLength: number | undefined;
  readonly repeats: number;
  readonly likelihoodSamples: number;
  readonly choiceScore: "total" | "per-character";
  readonly concurrency: number;
  readonly earlier: readonly TaskAnswer[];
  readonly onAnswer: (answer: TaskAnswer) => void;
  readonly onProgress: (done: number, total: number) => void;
  /** What `sample` gets for every item. */
  readonly sampling: AnswerOptions;
}

/** The answers of an item are samples from this number times its place on. */
export const MOST_REPEATS = 1000;

/** Checks what is not an option of `sample`. @throws OptionError. */
export function checkTask(options: TaskOptions): CheckedTask {
  const untyped: unknown = options;
  if (!isRecord(untyped)) throw new OptionError("options", untyped, "an object");
  checkAbsent(untyped, SET_BY_TASK, () => "undefined in a task: its items say it");
  const { scorer, answerLength, repeats = 1, likelihoodSamples = 128, ...more } = options;
  const { choiceScore, concurrency = 4, earlier = [], onAnswer, onProgress, ...sampling } = more;
  checkFunction("onAnswer", onAnswer);
  checkFunction("onProgress", onProgress);
  if (!Array.isArray(earlier)) throw new OptionError("earlier", earlier, "an array of answers");
  const most = Number.MAX_SAFE_INTEGER;
  return {
    scorer,
    answerLength:
      answerLength === undefined ? undefined : checkInteger("answerLength", answerLength, 1, most),
    repeats: checkInteger("repeats", repeats, 1, MOST_REPEATS),
    likelihoodSamples: checkInteger("likelihoodSamples", likelihoodSamples, 2, 2 ** 16),
    choiceScore: checkChoice("choiceScore", choiceScore, ["total", "per-character"]),
    concurrency: checkInteger("concurrency", concurrency, 1, most),
    earlier,
    onAnswer: onAnswer ?? (() => undefined),
    onProgress: onProgress ?? (() => undefined),
    sampling,
  };
}
