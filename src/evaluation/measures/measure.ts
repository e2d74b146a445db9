/**
 * The three kinds of measures: of token sequences, of texts, and by a judge. `table.ts` lists the
 * measures of each kind and says how one is added.
 */
import type { Pace } from "../../foundation/pace.ts";
import type { WantedMauve } from "../judge/mauveSettings.ts";
import type { JudgeCallOptions, TextJudge } from "../judge/textJudge.ts";
import { spreadOf, type Spread } from "./spread.ts";

/** Lets the event loop turn during long work, and tells its progress. */
export interface Watch {
  readonly pace: Pace;
  readonly onProgress: (done: number, total: number) => void;
}

/** A measure of token sequences. It begins one count for a set; all measures count in one pass. */
export type TokenMeasure<Value> = () => TokenCount<Value>;

export interface TokenCount<Value> {
  /**
   * Counts one sequence.
   * @param tokens the whole sequence.
   * @param budgeted the beginning of it that lies within the set's budget of tokens. A number that
   * falls as a set grows counts only this, so that sets of other sizes compare.
   */
  add(tokens: ArrayLike<number>, budgeted: ArrayLike<number>): void;
  readonly value: Value;
}

/** Measures each sequence by itself, and reports something of the spread over sequences. */
export class SequenceCount<Value> implements TokenCount<Value> {
  /** One number for each sequence that was added. */
  readonly numbers: number[] = [];
  readonly #measure: (tokens: ArrayLike<number>) => number;
  readonly #report: (spread: Spread) => Value;

  constructor(measure: (tokens: ArrayLike<number>) => number, report: (spread: Spread) => Value) {
    this.#measure = measure;
    this.#report = report;
  }

  add(tokens: ArrayLike<number>): void {
    this.numbers.push(this.#measure(tokens));
  }

  get spread(): Spread {
    return spreadOf(this.numbers);
  }

  get value(): Value {
    return this.#report(this.spread);
  }
}

/** A measure of texts as they are written. */
export interface TextMeasure<Value extends number | undefined> {
  /** Whether references have this measure too. */
  readonly ofReferences: boolean;
  /** Returns undefined where the measure has no number, or lacks what it needs. */
  readonly measure: (texts: readonly string[], context: TextContext) => Value | Promise<Value>;
}

/** What a measure of texts may use. */
export interface TextContext {
  readonly vocabulary: ReadonlySet<string> | undefined;
  /** @param work names the stage for people: "words" becomes "words of the samples". */
  readonly watch: (work: string) => Watch;
}

/** A measure that a judge computes. */
export interface JudgeMeasure<Value> {
  /** Names the measure in sentences. */
  readonly name: string;
  /** Plans the work for one set of texts; returns undefined where there is none to do. */
  readonly plan: (set: JudgedSet) => JudgeTask<Value> | undefined;
}

export interface JudgedSet {
  readonly what: "samples" | "references";
  readonly texts: readonly string[];
  /** Undefined for the references themselves, which are compared with nothing. */
  readonly references?: readonly string[] | undefined;
  /** Undefined where MAUVE is not wanted. */
  readonly mauve?: WantedMauve | undefined;
}

export interface JudgeTask<Value> {
  /**
   * Whether the caller asked for the measure by name: then a failure is the caller's to hear of.
   */
  readonly isNamed: boolean;
  /** @param call gives the options of each call of the judge, by the name of its stage. */
  readonly run: (judge: TextJudge, call: (stage: string) => JudgeCallOptions) => Promise<Value>;
}
