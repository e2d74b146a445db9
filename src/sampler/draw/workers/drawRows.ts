/**
 * Draws the tokens of many rows, with the threads of a pool where that pays. The calling thread
 * draws one row after the other, and between two of them gives each free worker some of the rows
 * that are left, so that all are done at about the same time however busy the machine is.
 */
import { onAbort } from "../../../foundation/onAbort.ts";
import type { Pace } from "../../../foundation/pace.ts";
import type { DrawRule } from "../drawRule.ts";
import { isPhilox, type NoiseSource } from "../noise.ts";
import type { Draw } from "../rowAddress.ts";
import type { RowSampler } from "../rowSampler.ts";
import { drawTask, tokensOf, type RowTask } from "../rowTask.ts";
import type { DrawSettings, PieceDraws } from "./piece.ts";
import type { RowPool } from "./rowPool.ts";
import { SLOT_WORDS, wordsOf } from "./sharedRows.ts";

/** What rows are drawn with. */
export interface RowTools {
  /** Draws in the calling thread. */
  readonly sampler: RowSampler;
  readonly model: DrawSettings["model"];
  readonly rule: DrawRule;
  readonly noise: NoiseSource;
  readonly pace: Pace;
  readonly signal?: AbortSignal | undefined;
  readonly pool?: RowPool | undefined;
}

/** Fewer tokens than this are drawn in the calling thread alone. */
export const LEAST_TOKENS = 100_000;

/**
 * Draws each row's token. A draw is the same in every thread.
 * @returns the draws in the order of the rows.
 * @throws RemdmError `denoiser_invalid` for the first row that has no distribution; AbortedError.
 */
export async function drawRows(tasks: readonly RowTask[], tools: RowTools): Promise<Draw[]> {
  const { sampler, noise, pace, signal } = tools;
  const drawn = new Array<Draw | undefined>(tasks.length);
  const pieces: Promise<void>[] = [];
  let left = tasks.reduce((sum, task) => sum + tokensOf(task), 0);
  const shared = left < LEAST_TOKENS ? undefined : sharedOf(tools);
  let next = 0;
  while (next < tasks.length) {
    const workers = shared?.pool.workers ?? [];
    for (const worker of workers) {
      if (shared === undefined || !worker.isFree) continue;
      const piece = pieceOf(tasks, next, left / (2 * (workers.length + 1)));
      const first = next;
      const take = (draws: PieceDraws) => draws.forEach((draw, i) => (drawn[first + i] = draw));
      if (piece.length > 0) pieces.push(worker.draw(piece, shared.settings).then(take));
      for (const task of piece) left -= tokensOf(task);
      next += piece.length;
    }
    if (next === tasks.length) break;
    const task = tasks[next];
    try {
      drawn[next] = drawTask(sampler, task, noise);
    } catch (error) {
      if (pieces.length === 0) throw error;
      break; // A row before it, which a worker has, may have no draw either: it comes first below.
    }
    left -= tokensOf(task);
    next++;
    if (pace.spendTokens(tokensOf(task))) await pace.rest();
  }
  if (pieces.length > 0) {
    await untilAll(pieces, signal);
    pace.checkAborted();
  }
  return tasks.map((task, i) => drawn[i] ?? drawTask(sampler, task, noise));
}

/** Returns what workers need; undefined: there are none for these rows. */
function sharedOf({ noise, pool, model, rule }: RowTools) {
  if (pool === undefined || !isPhilox(noise)) return undefined;
  const { vocabSize, maskId } = model;
  const { topP, temperature, topK, quirks } = rule;
  const seed = (BigInt(noise.key1) << 32n) | BigInt(noise.key0);
  const settings: DrawSettings = {
    model: { vocabSize, maskId },
    rule: { topP, temperature, topK, ...(quirks && { quirks }) },
    seed,
  };
  return { pool, settings };
}

/**
 * Returns the next rows for a worker: one or more of `most` tokens in all, as far as a slot has
 * room; none where it has no room for the first.
 */
function pieceOf(tasks: readonly RowTask[], first: number, most: number): readonly RowTask[] {
  let words = 0;
  let tokens = 0;
  let end = first;
  for (; end < tasks.length; end++) {
    words += wordsOf(tasks[end]);
    tokens += tokensOf(tasks[end]);
    if (words > SLOT_WORDS || (tokens > most && end > first)) break;
  }
  return tasks.slice(first, end);
}

/** Waits for all, or until the signal fires. */
async function untilAll(
  pieces: readonly Promise<void>[],
  signal: AbortSignal | undefined,
): Promise<void> {
  let forget: (() => void) | undefined;
  const aborted = new Promise<void>((resolve) => {
    forget = signal && onAbort(signal, resolve);
  });
  await Promise.race([Promise.all(pieces), aborted]);
  forget?.();
}
