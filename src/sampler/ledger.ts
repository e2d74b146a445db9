/** What a run has done so far, for its progress and its outcome. */
import type { FinishedEvent, ProgressEvent, SamplerOutcome } from "./events.ts";
import type { ResolvedOptions } from "./options.ts";

export class Ledger {
  readonly #options: ResolvedOptions;
  readonly #stepsOfSample: number;
  readonly #tokens: Int32Array[] = [];
  #finished = 0;
  #forwardCalls = 0;
  #forwardRows = 0;

  /** @param stepsOfSample how many a sample goes through, the final noise removal included. */
  constructor(options: ResolvedOptions, stepsOfSample: number) {
    this.#options = options;
    this.#stepsOfSample = stepsOfSample;
  }

  /** A call of the network. @param rows that it was asked for. */
  called(rows: number): void {
    this.#forwardCalls++;
    this.#forwardRows += rows;
  }

  /** More rows of a call that was counted already. */
  asked(rows: number): void {
    this.#forwardRows += rows;
  }

  finish(sample: number, tokens: Int32Array): FinishedEvent {
    this.#tokens[sample - this.#options.firstSample] = tokens;
    this.#finished++;
    return { type: "finished", sample, tokens: tokens.slice() };
  }

  /** @param underWay steps done in samples that are not finished. */
  progress(underWay: number): ProgressEvent {
    const { samples } = this.#options;
    return {
      type: "progress",
      done: this.#finished * this.#stepsOfSample + underWay,
      total: samples * this.#stepsOfSample,
      finishedSamples: this.#finished,
      samples,
      forwardCalls: this.#forwardCalls,
      forwardRows: this.#forwardRows,
    };
  }

  outcome(): SamplerOutcome {
    return {
      tokens: this.#tokens,
      stats: {
        forwardCalls: this.#forwardCalls,
        forwardRows: this.#forwardRows,
        steps: this.#options.steps,
      },
    };
  }
}
