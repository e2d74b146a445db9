/**
 * An `EventState` is one sequence in continuous time: it goes from one event to the next, and each
 * changes one position (`EventStrategy`). Nothing is left to a final noise removal.
 */
import { RemdmError } from "../../foundation/errors.ts";
import { described } from "../../foundation/messages.ts";
import type { AnyEventStrategy, NextEvent } from "../definition.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { Draw } from "../draw/rowSampler.ts";
import type { AnyOptions } from "../optionTable.ts";
import { QUIET, type ActiveSample, type Changes } from "./sampleState.ts";
import { TextWindow, type WindowSettings } from "./textWindow.ts";

/** The settings that all samples of a run have in common. */
export interface EventSettings extends WindowSettings {
  readonly definition: AnyEventStrategy;
  readonly options: AnyOptions;
  /** Number of positions of a part, the most that its events may reveal without remasking. */
  readonly steps: number;
}

export class EventState implements ActiveSample {
  readonly sample: number;
  /** Always drawn: no event takes the likeliest token. */
  readonly likeliest = false;
  readonly #settings: EventSettings;
  readonly window: TextWindow;
  /** Number of the event at hand over all parts. */
  #event = 0;
  /** Time of the event at hand; until it is drawn, of the last one. */
  #time = 1;
  #lastTime = 1;

  constructor(sample: number, settings: EventSettings, window = new TextWindow(settings)) {
    this.sample = sample;
    this.#settings = settings;
    this.window = window;
  }

  clone(sample: number): EventState {
    const copy = new EventState(sample, this.#settings, this.window.clone());
    copy.#event = this.#event;
    copy.#time = this.#time;
    copy.#lastTime = this.#lastTime;
    return copy;
  }

  get step(): number {
    return this.#event;
  }

  /**
   * The share of time that is gone, in steps of 1/N of a part of N tokens: how many events there
   * will be is not known, and without remasking a step has one, on average.
   */
  get stepsDone(): number {
    const { steps } = this.#settings;
    return this.window.part * steps + Math.floor((1 - this.#lastTime) * steps);
  }

  get time(): number {
    return this.#time;
  }

  get finished(): boolean {
    return this.window.done;
  }

  /** Draws the next event: three numbers say when it comes, what it is and where. */
  drawChanges(noise: NoiseSource): Changes {
    const { maskId, length } = this.#settings;
    const uniform = (k: number): number => noise.position(this.sample, this.#event, length + k);
    const isMasked = (position: number): boolean => this.window.tokens[position] === maskId;
    const masked = this.window.free.filter(isMasked);
    const revealed = this.window.free.filter((position) => !isMasked(position));
    const next = this.#nextEvent(masked.length, revealed.length, -Math.log1p(-uniform(0)));
    this.#time = next?.t ?? 0;
    if (next === undefined) return QUIET;
    const remasks = uniform(1) < next.remask;
    const among = remasks ? revealed : masked;
    const changed = Int32Array.of(among[Math.floor(uniform(2) * among.length)]);
    return remasks ? { ...QUIET, remasks: changed } : { ...QUIET, reveals: changed };
  }

  apply({ reveals, remasks }: Changes, draws: readonly Draw[]): void {
    if (reveals.length + remasks.length === 0) {
      this.#endPart();
      return;
    }
    for (const position of remasks) this.window.tokens[position] = this.#settings.maskId;
    draws.forEach(({ token }, i) => (this.window.tokens[reveals[i]] = token));
    this.#lastTime = this.#time;
    this.#event++;
  }

  #endPart(): void {
    this.#time = 1;
    this.#lastTime = 1;
    this.window.next();
  }

  /** Asks the strategy, and checks what it says. */
  #nextEvent(masked: number, revealed: number, wait: number): NextEvent | undefined {
    const { definition, options } = this.#settings;
    const now = { t: this.#lastTime, masked, revealed };
    const next =
      (definition.nextEvent(options, now, wait) as NextEvent | null | undefined) ?? undefined;
    const isSound =
      next === undefined
        ? masked === 0
        : isWithin(next.t, now.t) && isPossible(next.remask, masked, revealed);
    if (isSound) return next;
    const said =
      next === undefined
        ? "no event"
        : `t = ${described(next.t)}, remask = ${described(next.remask)}`;
    throw new RemdmError(
      `The strategy ${definition.kind} gives ${said} after t = ${now.t}, with ${masked} masks and ` +
        `${revealed} revealed positions`,
      {
        code: "strategy_invalid",
        remedy:
          "Let its nextEvent return t in [0, now.t] and remask in [0, 1], 0 where nothing is " +
          "revealed and 1 where nothing is masked, and events until nothing is masked.",
      },
    );
  }
}

/** Tells whether a value of any type is a number in [0, max]. */
function isWithin(value: unknown, max: number): boolean {
  return typeof value === "number" && value >= 0 && value <= max;
}

/** Tells whether there is a position for the kinds of events that may come. */
function isPossible(remask: number, masked: number, revealed: number): boolean {
  return isWithin(remask, 1) && (masked > 0 || remask === 1) && (revealed > 0 || remask === 0);
}
