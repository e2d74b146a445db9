/** A `Ledger` counts what a run has done so far, for its progress and its outcome. */
import type { TokenId } from "../denoiser.ts";
import { endText, type EndedText } from "./ending.ts";
import type { FinishedEvent, GuidedSample, ProgressEvent, SamplerOutcome } from "../events.ts";
import type { PreparedRun } from "../prepare.ts";

/** The step and the time at which a sample stands. */
export type Clock = Pick<ProgressEvent, "step" | "time">;

export class Ledger {
  readonly #run: PreparedRun;
  readonly #texts: EndedText[] = [];
  readonly #guided: GuidedSample[] = [];
  /** Calls so far of each sample under way; particles of a sample share one count. */
  readonly #callsOf = new Map<number, number>();
  #finished = 0;
  #forwardCalls = 0;
  #forwardRows = 0;
  #rounds = 0;
  #sequences = 0;
  /** Over the samples that are finished: calls of each, and tokens that were not given. */
  #ownCalls = 0;
  #ownTokens = 0;

  constructor(run: PreparedRun) {
    this.#run = run;
  }

  /**
   * Counts a call of the network.
   * @param samples that it was about; in a guided run, the particles.
   * @param rows that it was asked for.
   */
  called(samples: readonly { readonly sample: number }[], rows: number): void {
    this.asked(samples.length, rows);
    this.answered(samples);
  }

  /** Counts a question that the network was asked: so many sequences, and rows of them. */
  asked(sequences: number, rows: number): void {
    this.#rounds++;
    this.#sequences += sequences;
    this.#forwardRows += rows;
  }

  /** Counts a call whose answer samples took, whether or not it shared a question with others. */
  answered(samples: readonly { readonly sample: number }[]): void {
    const particles = this.#run.guide?.particles ?? 1;
    const numbers = new Set(samples.map(({ sample }) => Math.floor(sample / particles)));
    for (const number of numbers) {
      this.#callsOf.set(number, (this.#callsOf.get(number) ?? 0) + 1);
    }
    this.#forwardCalls++;
  }

  /** Counts more rows of a call that was counted already. */
  askedMore(rows: number): void {
    this.#forwardRows += rows;
  }

  /**
   * Ends a sample.
   * @param text all of its tokens; they are cut here.
   * @param guided how it was chosen, in a guided run.
   */
  finish(sample: number, text: ArrayLike<TokenId>, guided?: GuidedSample): FinishedEvent {
    const ended = endText(text, this.#run);
    this.#texts[sample - this.#run.firstSample] = ended;
    if (guided !== undefined) this.#guided[sample - this.#run.firstSample] = guided;
    this.#finished++;
    const forwardCalls = this.#callsOf.get(sample) ?? 0;
    this.#callsOf.delete(sample);
    this.#ownCalls += forwardCalls;
    this.#ownTokens += ended.tokens.filter((_, position) => !this.#isGiven(position)).length;
    return {
      ...{ type: "finished", sample, ...ended, tokens: [...ended.tokens], forwardCalls },
      ...(guided !== undefined && { guided }),
    };
  }

  /**
   * Makes the progress event.
   * @param underWay steps done in samples that are not finished.
   * @param clock of the first of them.
   */
  progress(underWay = 0, clock: Clock = this.#atTheEnd()): ProgressEvent {
    const { samples, steps, parts, guide } = this.#run;
    const stepsOfSample = steps * parts * (guide?.particles ?? 1);
    return {
      type: "progress",
      done: this.#finished * stepsOfSample + underWay,
      total: samples * stepsOfSample,
      step: clock.step,
      time: clock.time,
      finishedSamples: this.#finished,
      samples,
      forwardCalls: this.#forwardCalls,
      forwardRows: this.#forwardRows,
    };
  }

  outcome(): SamplerOutcome {
    return {
      tokens: this.#texts.map(({ tokens }) => tokens),
      finishReasons: this.#texts.map(({ finishReason }) => finishReason),
      ...(this.#run.guide !== undefined && { guided: this.#guided }),
      stats: {
        forwardCalls: this.#forwardCalls,
        forwardRows: this.#forwardRows,
        rounds: this.#rounds,
        sequences: this.#sequences,
        steps: this.#run.steps,
        tokensPerForward: this.#ownCalls === 0 ? 0 : this.#ownTokens / this.#ownCalls,
      },
    };
  }

  /** Tells whether a position's token is given; `ar` draws the tokens at 1 to its last step. */
  #isGiven(position: number): boolean {
    const { loop, steps, pinned } = this.#run;
    const isDrawn = loop.kind !== "leftToRight" || (position > 0 && position <= steps);
    return !isDrawn || pinned.has(position);
  }

  #atTheEnd(): Clock {
    const { loop, steps, parts } = this.#run;
    // A part on a time grid ends with the final noise removal, which has a number of its own.
    const hasGrid = !["leftToRight", "events", "blockParity"].includes(loop.kind);
    const numbers = (hasGrid ? steps + 1 : steps) * parts;
    return { step: Math.max(0, numbers - 1), time: 0 };
  }
}
