/**
 * The ask-first loop asks the network in each step for a few statistics of the rows, lets the
 * strategy select the positions that change, and then asks for the rows of positions that become
 * tokens, of the same forward. All samples of a batch take each step together. For SEDD this is the
 * distribution of the original's `analytic` predictor without its score tensors (docs/design.md).
 */
import { RemdmError } from "../../foundation/errors.ts";
import { Pace } from "../../foundation/pace.ts";
import { STATISTICS } from "../checkDefinition.ts";
import type { Row, RowStep } from "../definition.ts";
import type { Denoiser, ForwardRequest, StatisticName, TokenId } from "../denoiser.ts";
import type { NoiseSource } from "../draw/noise.ts";
import { invalidRow } from "../draw/rowAddress.ts";
import type { RemaskedEvent, RevealedEvent, SamplerEvent, SamplerOutcome } from "../events.ts";
import { stepOf } from "../plan.ts";
import type { LoopPlan } from "../loopPlan.ts";
import type { PreparedRun } from "../prepare.ts";
import { networkSigma } from "../schedule.ts";
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { Ledger } from "./ledger.ts";
import { askStatistics, inCalls, stack } from "./question.ts";
import { RowDraws } from "./rowDraws.ts";
import { checkSelection, type CheckedSelection } from "./selection.ts";
import { TextWindow } from "./textWindow.ts";

type AskFirstPlan = Extract<LoopPlan, { kind: "askFirst" }>;

interface Sample {
  readonly sample: number;
  readonly window: TextWindow;
}

/** The changes of a step in one of the samples that are open. */
interface Change extends CheckedSelection {
  readonly b: number;
}

export class AskFirst {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #plan: AskFirstPlan;
  readonly #noise: NoiseSource;
  readonly #pace: Pace;
  readonly #rows: RowDraws;
  readonly #ledger: Ledger;
  readonly #rowClass: RowClass;
  readonly #cache = nextCache();

  constructor(denoiser: Denoiser, run: PreparedRun, plan: AskFirstPlan, noise: NoiseSource) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#plan = plan;
    this.#noise = noise;
    this.#pace = new Pace(run.signal);
    this.#rows = new RowDraws(denoiser, run, noise, this.#pace);
    this.#ledger = new Ledger(run);
    this.#rowClass = rowClassOf(plan.definition);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const { maskId } = this.#denoiser.model;
    const { stride, strides } = this.#run;
    const settings = { ...this.#run, maskId };
    const batch = samples.map((sample) => ({ sample, window: new TextWindow(settings) }));
    const steps = this.#plan.times.length - 1;
    for (let w = 0; w <= strides; w++) {
      if (w > 0) for (const { window } of batch) window.slide(stride);
      for (let i = 0; i <= steps; i++) {
        const open = batch.filter(({ window }) => this.#isOpen(window, i));
        if (open.length === 0) break; // what is revealed never moves
        const step = w * (steps + 1) + i;
        const request = this.#requestOf(open, i);
        const changes =
          i === steps ? masked(open, maskId) : await this.#select(open, request, i, step);
        yield* this.#carryOut(open, changes, request, i, step);
        const isLast = i === steps && w === strides;
        const next = isLast
          ? undefined
          : { step: step + 1, time: this.#plan.times[i === steps ? 0 : i + 1] };
        yield this.#ledger.progress(batch.length * (w * steps + Math.min(i + 1, steps)), next);
      }
    }
    for (const { sample, window } of batch) yield this.#ledger.finish(sample, window.text());
  }

  /** Tells whether anything can still happen in step i. */
  #isOpen(window: TextWindow, i: number): boolean {
    const { definition, times } = this.#plan;
    const mayRemask = definition.revealed === true && i < times.length - 1;
    return mayRemask ? window.free.length > 0 : window.tokens.includes(this.#denoiser.model.maskId);
  }

  /** Asks for the rows of every masked position; with `revealed`, of every free one. */
  #requestOf(open: readonly Sample[], i: number): ForwardRequest {
    const { length } = this.#run;
    const { maskId } = this.#denoiser.model;
    const { definition, times } = this.#plan;
    const rows: number[] = [];
    for (const [b, { window }] of open.entries()) {
      for (const position of window.free) {
        const isAsked = definition.revealed === true || window.tokens[position] === maskId;
        if (isAsked) rows.push(b * length + position);
      }
    }
    return {
      batch: open.length,
      length,
      tokens: stack(open.map(({ window }) => window.tokens)),
      sigma: new Float32Array(open.length).fill(networkSigma(times[i])),
      rows: Int32Array.from(rows),
      cache: this.#cache,
    };
  }

  async #select(
    open: readonly Sample[],
    request: ForwardRequest,
    i: number,
    step: number,
  ): Promise<Change[]> {
    this.#pace.checkAborted();
    const { definition, options, times } = this.#plan;
    const rows = await this.#askRows(open, request, step);
    this.#ledger.called(open, 0);
    const at: RowStep = {
      ...stepOf(times[i], times[i + 1], this.#run.quirks),
      index: i,
      steps: times.length - 1,
      vocabSize: this.#denoiser.model.vocabSize,
    };
    return rows.map((own, b) => {
      const selection: unknown = definition.select(options, at, own);
      return { b, ...checkSelection(definition.kind, i, selection, own) };
    });
  }

  /** Asks for the statistics. @returns [B] the rows of each sample that is open. */
  async #askRows(
    open: readonly Sample[],
    request: ForwardRequest,
    step: number,
  ): Promise<Row<StatisticName>[][]> {
    const { length, signal } = this.#run;
    const { maskId } = this.#denoiser.model;
    const { statistics } = this.#plan.definition;
    const given = statistics.includes("given")
      ? { given: request.rows.map((at) => request.tokens[at]) }
      : {};
    const values = await askStatistics(
      this.#denoiser,
      { ...request, statistics, ...given },
      signal,
    );
    const ToldRow = this.#rowClass;
    const rows = open.map((): Row<StatisticName>[] => []);
    const width = statistics.length;
    for (let n = 0; n < request.rows.length; n++) {
      const at = request.rows[n];
      const b = Math.floor(at / length);
      const position = at - b * length;
      const { sample } = open[b];
      const token = request.tokens[at];
      const uniform = this.#noise.position(sample, step, position);
      const row = new ToldRow(position, token, token === maskId, uniform);
      for (let k = 0; k < width; k++) {
        const value = values[n * width + k];
        if (!(value < Infinity)) {
          throw invalidRow({ sample, step, position }, `has ${value} as its ${statistics[k]}`);
        }
        row[statistics[k]] = value;
      }
      rows[b].push(row);
      if (this.#pace.spend(1)) await this.#pace.rest();
    }
    return rows;
  }

  /**
   * Asks for the rows of positions that become tokens, changes the texts, and tells the changes.
   */
  async *#carryOut(
    open: readonly Sample[],
    changes: readonly Change[],
    request: ForwardRequest,
    i: number,
    step: number,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const { times, definition } = this.#plan;
    const { vocabSize } = this.#denoiser.model;
    const isLast = i === times.length - 1;
    const likeliest = isLast && (definition.lastStep ?? "argmax") === "argmax";
    // The last step asked for no statistics: its first rows are its call.
    let isCounted = !isLast;
    for (const call of inCalls(changes, vocabSize, ({ tokens }) => tokens.length)) {
      this.#pace.checkAborted();
      const { length } = this.#run;
      const flat = call.flatMap(({ b, tokens }) => tokens.map((position) => b * length + position));
      const answered =
        flat.length === 0
          ? undefined
          : await this.#rows.ask({ ...request, rows: Int32Array.from(flat) });
      if (answered !== undefined) {
        if (isCounted) this.#ledger.asked(flat.length);
        else this.#ledger.called(open, flat.length);
        isCounted = true;
      }
      let row = 0;
      for (const { b, masks, tokens } of call) {
        const { sample, window } = open[b];
        const place = { sample, step, positions: tokens, likeliest };
        const draws = answered === undefined ? [] : await this.#rows.draw(answered, row, place);
        row += tokens.length;
        const at = { sample, step, time: times[i] };
        const inText = (positions: readonly number[]) => positions.map((p) => p + window.offset);
        if (masks.length > 0) {
          const left = masks.map((position) => window.tokens[position]);
          for (const position of masks) window.tokens[position] = this.#denoiser.model.maskId;
          yield { type: "remasked", ...at, positions: inText(masks), tokens: left };
        }
        if (tokens.length === 0) continue;
        tokens.forEach((position, n) => {
          window.tokens[position] = draws[n].token;
        });
        yield {
          type: "revealed",
          ...at,
          positions: inText(tokens),
          tokens: draws.map(({ token }) => token),
          probabilities: draws.map(({ probability }) => probability),
          logProbabilities: draws.map(({ logProbability }) => logProbability),
        };
      }
    }
  }
}

/** A row as it is made: its statistics are set one by one. */
type WritableRow = { -readonly [Field in keyof Row<StatisticName>]: Row<StatisticName>[Field] };
type RowClass = new (
  position: number,
  token: TokenId,
  masked: boolean,
  uniform: number,
) => WritableRow;

/** Makes the class of a strategy's rows: reading a statistic that was not asked for is refused. */
function rowClassOf({ kind, statistics }: AskFirstPlan["definition"]): RowClass {
  class ToldRow {
    readonly position: number;
    readonly token: TokenId;
    readonly masked: boolean;
    readonly uniform: number;

    constructor(position: number, token: TokenId, masked: boolean, uniform: number) {
      this.position = position;
      this.token = token;
      this.masked = masked;
      this.uniform = uniform;
    }
  }
  for (const name of STATISTICS.filter((one) => !statistics.includes(one))) {
    Object.defineProperty(ToldRow.prototype, name, {
      get: () => {
        throw new RemdmError(`The strategy ${kind} reads ${name} of a row without asking for it`, {
          code: "strategy_invalid",
          remedy: `List "${name}" in its statistics.`,
        });
      },
    });
  }
  return ToldRow as unknown as RowClass;
}

/** Selects every masked position, for the final noise removal. */
function masked(open: readonly Sample[], maskId: number): Change[] {
  return open.map(({ window }, b) => ({
    b,
    masks: [],
    tokens: Array.from(window.free).filter((position) => window.tokens[position] === maskId),
  }));
}
