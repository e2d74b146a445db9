/** Writes how far work is, how fast it goes and how long it still takes. The clock is handed in. */
import { widthOf } from "./terminalText.ts";

/** The rate is over the last seconds: a plateau of quiet steps must not spoil it for good. */
const WINDOW_MS = 10_000;

/** Measures what is done in a second, over the recent past. */
export class Rate {
  readonly #marks: { readonly at: number; readonly done: number }[] = [];

  /** @param at milliseconds, never falling. */
  note(at: number, done: number): void {
    this.#marks.push({ at, done });
    // The last mark from before the window stays, so that slow runs have a rate too.
    const inside = this.#marks.findIndex((mark) => mark.at > at - WINDOW_MS);
    this.#marks.splice(0, Math.max(0, inside - 1));
  }

  /** undefined while nothing can be said. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#marks.at(0), this.#marks.at(-1)];
    if (first === undefined || last === undefined || last.at === first.at) return undefined;
    const rate = ((last.done - first.done) / (last.at - first.at)) * 1000;
    return rate > 0 ? rate : undefined;
  }
}

/** Writes seconds as a clock does: `0:07`, `12:05`, `3:00:12`. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** @returns in [0, 1]; what has nothing to do is done. */
export function shareOf(done: number, total: number): number {
  return total === 0 ? 1 : done / total;
}

/** Writes a share, rounded down: only what is done is 100%. */
export function percent(share: number): string {
  return `${Math.floor(100 * share)}%`;
}

/** @returns ` 0:03 left` as a part of a line; empty when that is unknown, or all is done. */
export function timeLeft(done: number, total: number, perSecond: number | undefined): string[] {
  if (perSecond === undefined || done >= total) return [];
  return [`${clock((total - done) / perSecond)} left`];
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Draws a bar. @param share in [0, 1]. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return filled + "░".repeat(Math.max(0, columns - widthOf(filled)));
}
