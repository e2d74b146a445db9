/**
 * Scores of a task with their standard errors, and the paired difference of two evaluations of one
 * task. The items are the sample: repeated answers to an item are averaged first, so that errors
 * are clustered by item.
 */
import { OptionError } from "../../foundation/errors.ts";
import { spreadOf } from "../measures/spread.ts";
import { SCORERS, type ScorerName } from "./scorers.ts";

/** The answer to an item, and its score: a record of JSON. */
export interface TaskAnswer {
  readonly id: string;
  /** Which of the answers to its item it is, counted from 0. */
  readonly repeat: number;
  readonly scorer: ScorerName;
  /** Without prompt and special tokens, cut where it ends; of `choice`, the likeliest choice. */
  readonly answer: string;
  /** 1 for a right answer, 0 for a wrong one. */
  readonly score: number;
  /** The part of the answer that was compared; absent where none was found. */
  readonly extracted?: string;
  /** Why a Countdown answer is wrong. */
  readonly problem?: string;
  /** Why the sampled text ends. */
  readonly finishReason?: "end" | "length";
  /** `choice`: log-likelihood of each choice given the prompt in nats, or its lower bound. */
  readonly logLikelihoods?: readonly number[];
  /** `choice`: the standard errors of these, 0 where they are exact. */
  readonly standardErrors?: readonly number[];
}

export interface TaskScore {
  /** How many items there are. */
  readonly items: number;
  /** How many answers there are to them. */
  readonly answers: number;
  /** The mean over items of the mean score of an item's answers, in [0, 1]. */
  readonly mean: number;
  /** Standard deviation over items (n - 1) over the root of their number; NaN for one item. */
  readonly standardError: number;
}

export interface TaskScores {
  readonly all: TaskScore;
  /** Of the items of each scorer that there is. */
  readonly byScorer: Readonly<Partial<Record<ScorerName, TaskScore>>>;
}

/** The mean of the differences between the scores of the same items. */
export interface PairedDifference {
  readonly items: number;
  /** The first evaluation's mean minus the second one's, in [-1, 1]. */
  readonly mean: number;
  /** Of the mean: from the differences of single items; NaN for one item. */
  readonly standardError: number;
  /** How many items the first evaluation answered better, as well, and worse. */
  readonly better: number;
  readonly equal: number;
  readonly worse: number;
}

export interface TaskComparison {
  readonly all: PairedDifference;
  readonly byScorer: Readonly<Partial<Record<ScorerName, PairedDifference>>>;
}

/** Computes the scores of answers, of which there is at least one. */
export function scoresOf(answers: readonly TaskAnswer[]): TaskScores {
  return {
    all: scoreOf(answers),
    byScorer: eachScorer((scorer) => {
      const some = answers.filter((answer) => answer.scorer === scorer);
      return some.length === 0 ? undefined : scoreOf(some);
    }),
  };
}

function scoreOf(answers: readonly TaskAnswer[]): TaskScore {
  const means = itemMeans(answers);
  const { mean, standardError } = spreadOf(means.values());
  return { items: means.size, answers: answers.length, mean, standardError };
}

/** Returns the mean score of each item. */
function itemMeans(answers: readonly TaskAnswer[]): ReadonlyMap<string, number> {
  const scores = new Map<string, number[]>();
  for (const { id, score } of answers) scores.set(id, [...(scores.get(id) ?? []), score]);
  return new Map(Array.from(scores, ([id, some]) => [id, spreadOf(some).mean]));
}

/** The most items that a message lists. */
const MOST_LISTED = 5;

type Asked = Pick<TaskAnswer, "id" | "scorer">;

/**
 * Says why two evaluations cannot be compared, as a sentence without a full stop: an item is in one
 * of them only, or has another scorer in the other. Undefined where they can be.
 * @param names of the two.
 */
export function mismatchOf(
  ours: readonly Asked[],
  theirs: readonly Asked[],
  names: readonly [string, string],
): string | undefined {
  const [a, b] = [ours, theirs].map(
    (answers) => new Map(answers.map(({ id, scorer }) => [id, scorer])),
  );
  const only = (some: typeof a, others: typeof a): string[] =>
    [...some.keys()].filter((id) => !others.has(id));
  const said = [
    ...listed(`Only ${names[0]} has the items`, only(a, b)),
    ...listed(`Only ${names[1]} has the items`, only(b, a)),
  ];
  if (said.length > 0) return said.join("; ");
  const other = [...a].filter(([id, scorer]) => b.get(id) !== scorer).map(([id]) => id);
  return listed(`${names[1]} has another scorer for the items`, other).at(0);
}

function listed(what: string, ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  const more = ids.length > MOST_LISTED ? ` and ${ids.length - MOST_LISTED} more` : "";
  const names = ids.slice(0, MOST_LISTED).map((id) => JSON.stringify(id));
  return [`${what} ${names.join(", ")}${more}`];
}

/**
 * Compares two evaluations of the same items, item by item.
 * @throws OptionError where the items are not the same.
 */
export function compareTasks(
  ours: readonly TaskAnswer[],
  theirs: readonly TaskAnswer[],
): TaskComparison {
  const mismatch = mismatchOf(ours, theirs, ["the first evaluation", "the second evaluation"]);
  if (mismatch !== undefined) {
    const remedy = "Compare evaluations of one task.";
    throw new OptionError("theirs", theirs, { message: mismatch, remedy });
  }
  return {
    all: differenceOf(ours, theirs),
    byScorer: eachScorer((scorer) => {
      const [a, b] = [ours, theirs].map((all) => all.filter((one) => one.scorer === scorer));
      return a.length === 0 ? undefined : differenceOf(a, b);
    }),
  };
}

function differenceOf(
  ours: readonly TaskAnswer[],
  theirs: readonly TaskAnswer[],
): PairedDifference {
  const [a, b] = [itemMeans(ours), itemMeans(theirs)];
  const differences = Array.from(a, ([id, mean]) => mean - (b.get(id) ?? Number.NaN));
  const { mean, standardError } = spreadOf(differences);
  return {
    items: differences.length,
    mean,
    standardError,
    better: differences.filter((difference) => difference > 0).length,
    equal: differences.filter((difference) => difference === 0).length,
    worse: differences.filter((difference) => difference < 0).length,
  };
}

function eachScorer<Value>(
  valueOf: (scorer: ScorerName) => Value | undefined,
): Readonly<Partial<Record<ScorerName, Value>>> {
  const entries = SCORERS.map((scorer) => [scorer, valueOf(scorer)] as const);
  const found = entries.filter(([, value]) => value !== undefined);
  return Object.fromEntries(found);
}
