/** A `RowSample` is one sample of the ask-first loop: its text, and what it remembers. */
import { RemdmError } from "../../foundation/errors.ts";
import type { RowState } from "../definition.ts";
import type { TokenId } from "../denoiser.ts";
import type { Draw } from "../draw/rowSampler.ts";
import { TextWindow, type WindowSettings } from "./textWindow.ts";

export class RowSample {
  readonly sample: number;
  readonly window: TextWindow;
  /** Of the strategy: plain data. */
  memory: unknown = undefined;
  /** Whether the strategy changed nothing in the last step. */
  settled = false;
  /** Steps that began without a mask. */
  stepsAfter = 0;
  /** The step at hand, over all parts, and the time t at its start; 0 at the end. */
  step = 0;
  time = 1;
  /** Steps that are done over all parts; the final noise removal is not counted. */
  stepsDone = 0;
  /** Whether nothing can change any more. */
  finished = false;
  readonly #settings: WindowSettings;
  readonly #maskId: TokenId;
  /** [L] what the token at each free position had when it was revealed; a draft's had none. */
  readonly #psi: Float64Array;
  readonly #logProbability: Float64Array;

  constructor(
    sample: number,
    settings: WindowSettings,
    memory: unknown,
    window = new TextWindow(settings),
  ) {
    this.sample = sample;
    this.memory = memory;
    this.#settings = settings;
    this.window = window;
    this.#maskId = settings.maskId;
    this.#psi = new Float64Array(settings.length);
    this.#logProbability = new Float64Array(settings.length).fill(-Infinity);
  }

  /** Ends the part at hand. @param memory that the strategy begins the next one with. */
  endPart(memory: unknown): void {
    this.window.next();
    this.memory = memory;
    this.settled = false;
    this.stepsAfter = 0;
  }

  /**
   * Copies the sample as it stands, its memory too.
   * @param sample the number that the copy draws with.
   * @throws RemdmError `strategy_invalid` for a memory that is no plain data.
   */
  clone(sample: number): RowSample {
    const copy = new RowSample(sample, this.#settings, copyOf(this.memory), this.window.clone());
    copy.settled = this.settled;
    copy.stepsAfter = this.stepsAfter;
    copy.step = this.step;
    copy.time = this.time;
    copy.stepsDone = this.stepsDone;
    copy.finished = this.finished;
    copy.#psi.set(this.#psi);
    copy.#logProbability.set(this.#logProbability);
    return copy;
  }

  get masks(): number {
    const { free, tokens } = this.window;
    return free.reduce((sum, position) => sum + Number(tokens[position] === this.#maskId), 0);
  }

  isMasked(position: number): boolean {
    return this.window.tokens[position] === this.#maskId;
  }

  /** @param uniform the random number of this sample, step and position. */
  stateAt(position: number, uniform: number): RowState {
    const masked = this.isMasked(position);
    return {
      position,
      token: this.window.tokens[position],
      masked,
      uniform,
      psi: masked ? 0 : this.#psi[position],
      logProbability: masked ? -Infinity : this.#logProbability[position],
    };
  }

  /** @returns the tokens that stood there. */
  remask(positions: readonly number[]): TokenId[] {
    const { tokens } = this.window;
    const left = positions.map((position) => tokens[position]);
    for (const position of positions) tokens[position] = this.#maskId;
    return left;
  }

  reveal(positions: readonly number[], draws: readonly Draw[]): void {
    positions.forEach((position, n) => {
      this.window.tokens[position] = draws[n].token;
      this.#psi[position] = draws[n].probability;
      this.#logProbability[position] = draws[n].logProbability;
    });
  }
}

function copyOf(memory: unknown): unknown {
  try {
    return structuredClone(memory);
  } catch (cause) {
    throw new RemdmError("The memory of the strategy cannot be copied, as a guide needs it", {
      code: "strategy_invalid",
      remedy: "Let its memory return plain data: numbers, texts, arrays and objects of them.",
      cause,
    });
  }
}
