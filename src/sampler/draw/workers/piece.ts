/** A `Piece` is some rows that a worker draws from at a time; `PieceDrawer` draws them there. */
import type { DenoiserModel } from "../../denoiser.ts";
import type { DrawRule } from "../drawRule.ts";
import { PhiloxNoise } from "../noise.ts";
import type { Draw } from "../rowAddress.ts";
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

/**
 * The draws of a piece, in the order of its rows. From the first row that has no draw on they are
 * missing, and the thread that asked meets that row itself.
 */
export type PieceDraws = readonly Draw[];

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

  draw({ slot, rows, model, rule, seed }: Piece): PieceDraws {
    const sampler = this.#samplerOf(model, rule);
    const noise = new PhiloxNoise(seed);
    const draws: Draw[] = [];
    try {
      for (const task of this.#shared.read(slot, rows)) draws.push(drawTask(sampler, task, noise));
    } catch {
      // The thread that asked draws the row again, and there the error has its class and stack.
    }
    this.#shared.finishSlot();
    return draws;
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
