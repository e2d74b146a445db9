/**
 * Draws the tokens of many rows, with the threads of a pool where that pays. The calling thread
 * never waits for a worker: a row that one has begun, and not finished when all others are drawn,
 * is drawn here once more. So workers that get no processor cost little time, and one that has died
 * costs no draw.
 */
import { RemdmError } from "../../../foundation/errors.ts";
import type { Pace } from "../../../foundation/pace.ts";
import type { DrawRule } from "../drawRule.ts";
import { isPhilox, type NoiseSource } from "../noise.ts";
import type { RacedDraw } from "../rowAddress.ts";
import type { RowSampler } from "../rowSampler.ts";
import { drawTask, tokensOf, type RowTask } from "../rowTask.ts";
import { Division } from "./division.ts";
import type { DrawSettings } from "./piece.ts";
import type { RowPool } from "./rowPool.ts";

/** What rows are drawn with. */
export interface RowTools {
  /** Draws in the calling thread. */
  readonly sampler: RowSampler;
  readonly model: DrawSettings["model"];
  readonly rule: DrawRule;
  readonly noise: NoiseSource;
  readonly pace: Pace;
  readonly pool?: RowPool | undefined;
}

/**
 * Fewer tokens than this are drawn in the calling thread alone: two rows of 50,258 tokens with one
 * worker took 1.06 of the time without, four 0.83 and eight 0.58 (`npm run bench rows`, 2 cores).
 */
export const LEAST_TOKENS = 200_000;

/**
 * Draws each row's token. A draw is the same in every thread.
 * @returns the draws in the order of the rows.
 * @throws RemdmError `denoiser_invalid` for the first row that has no distribution; AbortedError.
 */
export async function drawRows(tasks: readonly RowTask[], tools: RowTools): Promise<RacedDraw[]> {
  const { sampler, noise, pace, pool } = tools;
  const division = new Division(tasks, settingsOf(tasks, tools), pool);
  const drawn: (RacedDraw | undefined)[] = [];
  try {
    for (const row of division.ownRows()) {
      const task = tasks[row];
      drawn[row] = tryDraw(sampler, task, noise);
      if (drawn[row] === undefined) break;
      if (pace.spendTokens(tokensOf(task))) await pace.rest();
    }
    const others = division.fetch();
    return tasks.map((task, i) => drawn[i] ?? others[i] ?? drawTask(sampler, task, noise));
  } finally {
    division.release();
  }
}

/** Returns the draw of a row; undefined where it has none, and then {@link drawTask} says why. */
export function tryDraw(
  sampler: RowSampler,
  task: RowTask,
  noise: NoiseSource,
): RacedDraw | undefined {
  try {
    return drawTask(sampler, task, noise);
  } catch (error) {
    // A row before it, which a worker has, may have no draw either, and its error comes first.
    if (RemdmError.isInstance(error)) return undefined;
    throw error;
  }
}

/** Returns what workers need; undefined: they get none of these rows. */
function settingsOf(
  tasks: readonly RowTask[],
  { noise, model, rule }: RowTools,
): DrawSettings | undefined {
  if (!isPhilox(noise)) return undefined;
  const tokens = tasks.reduce((sum, task) => sum + tokensOf(task), 0);
  if (tasks.length < 2 || tokens < LEAST_TOKENS) return undefined;
  const { vocabSize, maskId } = model;
  const { topP, temperature, topK, quirks } = rule;
  return {
    model: { vocabSize, maskId },
    rule: { topP, temperature, topK, ...(quirks && { quirks }) },
    seed: (BigInt(noise.key1) << 32n) | BigInt(noise.key0),
  };
}
