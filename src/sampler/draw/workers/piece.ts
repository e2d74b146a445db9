/** A `Piece` is some rows that a worker draws from at a time; `PieceDrawer` draws them there. */
import { RemdmError } from "../../../foundation/errors.ts";
import type { DenoiserModel } from "../../denoiser.ts";
import type { DrawRule } from "../drawRule.ts";
import { PhiloxNoise } from "../noise.ts";
import { RowSampler } from "../rowSampler.ts";
import { drawTask } from "../rowTask.ts";
import type { RowHead, SharedRows } from "./sharedRows.ts";

/** How the rows of a run are drawn. */
export interface DrawSettings {
  readonly model: Pick<DenoiserModel, "vocabSize" | "maskId">;
  readonly rule: DrawRule;
  /** Of the default noise. */
  readonly seed: bigint;
}

export interface Piece extends DrawSettings {
  /** Where the rows lie. */
  readonly slot: number;
  readonly rows: readonly RowHead[];
}

/** How many samplers a worker keeps: more runs than this at a time are rare. */
const KEPT = 4;

/** Draws pieces in a worker. */
export class PieceDrawer {
  readonly #shared: SharedRows;
  /** By model and rule, the one that was used last at the end. */
  readonly #samplers = new Map<string, RowSampler>();

  constructor(shared: SharedRows) {
    this.#shared = shared;
  }

  /**
   * Draws the rows that the other thread does not take before. It leaves a row that has no draw
   * without one: the other thread meets it, too, and there the error has its class and its stack.
   */
  draw({ slot: place, rows, model, rule, seed }: Piece): void {
    const slot = this.#shared.slots[place];
    try {
      const sampler = this.#samplerOf(model, rule);
      const noise = new PhiloxNoise(seed);
      slot.read(rows).forEach((task, i) => {
        if (slot.take(i)) slot.put(i, drawTask(sampler, task, noise));
      });
    } catch (error) {
      if (!RemdmError.isInstance(error)) throw error;
    } finally {
      slot.leave();
    }
  }

  #samplerOf(model: DrawSettings["model"], rule: DrawRule): RowSampler {
    const key = JSON.stringify([model, rule]);
    const sampler = this.#samplers.get(key) ?? new RowSampler(model, rule);
    this.#samplers.delete(key);
    this.#samplers.set(key, sampler);
    for (const oldest of this.#samplers.keys()) {
      if (this.#samplers.size > KEPT) this.#samplers.delete(oldest);
    }
    return sampler;
  }
}
