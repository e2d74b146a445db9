/**
 * A `RowForward` is one forward of the ask-first loop. It is asked for statistics of its rows, and
 * for the rows of positions that become tokens; however often, it counts as one call.
 */
import type { Denoiser, ForwardRequest, StatisticName } from "../denoiser.ts";
import type { Draw } from "../draw/rowSampler.ts";
import type { PreparedRun } from "../prepare.ts";
import type { Ledger } from "./ledger.ts";
import { askStatistics } from "./question.ts";
import type { RowDraws } from "./rowDraws.ts";

/** What all forwards of a run need. */
export interface ForwardTools {
  readonly denoiser: Denoiser;
  readonly run: PreparedRun;
  readonly rows: RowDraws;
  readonly ledger: Ledger;
}

/** One of the samples that a forward is about. */
export interface ForwardSample {
  readonly sample: { readonly sample: number };
  /** The draws that are made already, by position. */
  readonly draws: Map<number, Draw>;
}

/** Positions of one of the samples. */
export interface ToDraw {
  /** The sample's place in the batch. */
  readonly b: number;
  /** Ascending positions in the window. */
  readonly tokens: readonly number[];
}

export class RowForward {
  readonly #tools: ForwardTools;
  readonly #request: ForwardRequest;
  readonly #samples: readonly ForwardSample[];
  readonly #step: number;
  #isCounted = false;

  /**
   * @param samples [B] of the request.
   * @param step number of the step over all windows.
   */
  constructor(
    tools: ForwardTools,
    request: ForwardRequest,
    samples: readonly ForwardSample[],
    step: number,
  ) {
    this.#tools = tools;
    this.#request = request;
    this.#samples = samples;
    this.#step = step;
  }

  /** Asks for statistics of all rows. @returns [N, k] in the order of the names. */
  async statistics(names: readonly StatisticName[]): Promise<Float32Array> {
    const { denoiser, run } = this.#tools;
    const { rows, tokens } = this.#request;
    if (names.length === 0 || rows.length === 0) return new Float32Array(0);
    const given = names.includes("given") ? { given: rows.map((at) => tokens[at]) } : {};
    const question = { ...this.#request, statistics: names, ...given };
    const values = await askStatistics(denoiser, question, run.signal);
    this.#count(0);
    return values;
  }

  /**
   * Draws the tokens that are not drawn yet.
   * @param likeliest takes the likeliest tokens instead.
   */
  async draw(places: readonly ToDraw[], likeliest: boolean): Promise<void> {
    const { rows } = this.#tools;
    const { length } = this.#request;
    const missing = places.map(({ b, tokens }) => ({
      b,
      positions: tokens.filter((position) => !this.#samples[b].draws.has(position)),
    }));
    const asked = missing.flatMap(({ b, positions }) => positions.map((at) => b * length + at));
    if (asked.length === 0) return;
    const answered = await rows.ask({ ...this.#request, rows: Int32Array.from(asked) });
    this.#count(asked.length);
    let row = 0;
    const asking = missing.map(({ b, positions }) => {
      const { sample } = this.#samples[b].sample;
      const own = positions.map(() => row++);
      return { rows: own, place: { sample, step: this.#step, positions, likeliest } };
    });
    const drawn = await rows.drawAll(answered, asking);
    missing.forEach(({ b, positions }, i) => {
      positions.forEach((position, n) => this.#samples[b].draws.set(position, drawn[i][n]));
    });
  }

  /** Counts the rows, and the first time the call. */
  #count(rows: number): void {
    const { ledger } = this.#tools;
    if (this.#isCounted) ledger.askedMore(rows);
    else
      ledger.called(
        this.#samples.map(({ sample }) => sample),
        rows,
      );
    this.#isCounted = true;
  }
}
