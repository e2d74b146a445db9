/**
 * A `RowForward` is one forward of the ask-first loop, about one state of each sample or several.
 * It is asked for statistics of its rows, and for the rows of positions that become tokens; however
 * often, it counts as one round.
 */
import type { Denoiser, ForwardRequest, StatisticName } from "../denoiser.ts";
import type { Draw } from "../draw/rowSampler.ts";
import { tokensOf, type RowTask } from "../draw/rowTask.ts";
import type { PreparedRun } from "../prepare.ts";
import type { Ledger } from "./ledger.ts";
import { askStatistics, callsOf } from "./question.ts";
import type { RowDraws } from "./rowDraws.ts";
import { MOST_NUMBERS } from "./lookahead/knownRows.ts";
import type { BegunStep, RowAnswer } from "./rowSteps.ts";

/** What all forwards of a run need. */
export interface ForwardTools {
  readonly denoiser: Denoiser;
  readonly run: PreparedRun;
  readonly rows: RowDraws;
  readonly ledger: Ledger;
}

/** A state that a forward is about, and what is known of it. */
export class AskedState {
  readonly begun: BegunStep;
  /** [L] the window as it was asked about. */
  readonly tokens: Int32Array;
  /** Where the window begins in the text. */
  readonly offset: number;
  /** By position, in the order of the statistics that were asked for. */
  readonly numbers = new Map<number, Float32Array>();
  readonly rows = new Map<number, RowTask["row"]>();
  /** The draws that are made already, by position. */
  readonly draws = new Map<number, Draw>();

  constructor(begun: BegunStep) {
    this.begun = begun;
    this.tokens = begun.sample.window.tokens.slice();
    this.offset = begun.sample.window.offset;
  }

  answerAt(position: number): RowAnswer {
    const numbers = this.numbers.get(position) ?? NO_NUMBERS;
    return { numbers, draw: this.draws.get(position) };
  }

  /** Tells whether a sample stands where this state was asked about. */
  is({ sample, clock, told, positions }: BegunStep): boolean {
    const { begun, tokens, offset } = this;
    return (
      sample.sample === begun.sample.sample &&
      clock.number === begun.clock.number &&
      told === begun.told &&
      positions.length === begun.positions.length &&
      sample.window.offset === offset &&
      sample.window.tokens.every((token, i) => token === tokens[i])
    );
  }
}

/** Positions of one of the states. */
export interface ToDraw {
  readonly state: AskedState;
  /** Ascending positions in the window. */
  readonly tokens: readonly number[];
}

export class RowForward {
  /** [B] in the order of the request. */
  readonly states: readonly AskedState[];
  readonly #tools: ForwardTools;
  readonly #request: ForwardRequest;
  readonly #places: ReadonlyMap<AskedState, number>;
  readonly #keepsRows: boolean;
  #isCounted = false;
  /** That the rows had. */
  #numbers = 0;

  /** @param keepsRows whether the rows stay in the states, for later guesses. */
  constructor(
    tools: ForwardTools,
    request: ForwardRequest,
    states: readonly AskedState[],
    keepsRows: boolean,
  ) {
    this.#tools = tools;
    this.#request = request;
    this.states = states;
    this.#places = new Map(states.map((state, b) => [state, b]));
    this.#keepsRows = keepsRows;
  }

  /** Asks for statistics of all rows. @param names in the order that the states have them in. */
  async statistics(names: readonly StatisticName[]): Promise<void> {
    const { denoiser, run } = this.#tools;
    const { rows, tokens } = this.#request;
    const asks = names.length > 0 && rows.length > 0;
    const given = names.includes("given") ? { given: rows.map((at) => tokens[at]) } : {};
    const question = { ...this.#request, statistics: names, ...given };
    const values = asks ? await askStatistics(denoiser, question, run.signal) : NO_NUMBERS;
    if (asks) this.#count(0);
    let n = 0;
    for (const { begun, numbers } of this.states) {
      for (const position of begun.positions) {
        numbers.set(position, values.subarray(n, (n += names.length)));
      }
    }
  }

  /** Finds the state in which a sample stands, if it is among those asked about. */
  find(begun: BegunStep): AskedState | undefined {
    return this.states.find((state) => state.is(begun));
  }

  /** Cuts what is to be drawn into calls that are not too large. */
  calls<Part extends ToDraw>(places: readonly Part[]): Generator<Part[]> {
    const { vocabSize } = this.#tools.denoiser.model;
    return callsOf(places, vocabSize, ({ tokens }) => tokens.length);
  }

  /** Asks for rows that are not there yet. */
  async ask(places: readonly ToDraw[]): Promise<void> {
    const { length } = this.#request;
    const missing = places.map(({ state, tokens }) => ({
      state,
      positions: tokens.filter((at) => !state.rows.has(at) && !state.draws.has(at)),
    }));
    const asked = missing.flatMap(({ state, positions }) => {
      const b = this.#places.get(state) ?? NaN;
      return positions.map((position) => b * length + position);
    });
    if (asked.length === 0) return;
    const answered = await this.#tools.rows.ask({ ...this.#request, rows: Int32Array.from(asked) });
    this.#count(asked.length);
    let row = 0;
    for (const { state, positions } of missing) {
      for (const position of positions) {
        const answer = answered(row++);
        state.rows.set(position, answer);
        this.#numbers += tokensOf({ row: answer });
      }
    }
  }

  /**
   * Draws the tokens that are not drawn yet.
   * @param likeliest takes the likeliest tokens instead.
   */
  async draw(places: readonly ToDraw[], likeliest: boolean): Promise<void> {
    await this.ask(places);
    const rows: RowTask["row"][] = [];
    const asking = places.map(({ state, tokens }) => {
      const { sample, clock } = state.begun;
      const positions = tokens.filter((position) => !state.draws.has(position));
      const own = positions.map((position) => {
        const row = state.rows.get(position);
        return row === undefined ? NaN : rows.push(row) - 1;
      });
      if (!this.#keepsRows || this.#numbers > MOST_NUMBERS) {
        for (const position of positions) state.rows.delete(position);
      }
      const place = { sample: sample.sample, step: clock.number, positions, likeliest };
      return { state, rows: own, place };
    });
    if (rows.length === 0) return;
    const drawn = await this.#tools.rows.drawAll((row) => rows[row], asking);
    asking.forEach(({ state, place: { positions } }, i) => {
      positions.forEach((position, n) => state.draws.set(position, drawn[i][n]));
    });
  }

  /** Counts the rows, and the first time the question. */
  #count(rows: number): void {
    const { ledger } = this.#tools;
    if (this.#isCounted) ledger.askedMore(rows);
    else ledger.asked(this.states.length, rows);
    this.#isCounted = true;
  }

  /** How many numbers the rows of a state had, on average. */
  get numbersOfState(): number {
    return this.#numbers / this.states.length;
  }
}

const NO_NUMBERS = new Float32Array(0);
