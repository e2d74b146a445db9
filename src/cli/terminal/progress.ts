/** Progress as text: how much is done, how fast, how long it still takes. Pure; the clock is handed in. */
import type { ProgressEvent } from "../../sampler/events.ts";
import type { Cell } from "./board.ts";
import { formingLines, legend, painter } from "./formingText.ts";
import { clip, widthOf } from "./terminalText.ts";

/** The rate is that of the last seconds: a plateau of quiet steps must not spoil the estimate for good. */
const WINDOW_MS = 10_000;

/** Steps a second, over the recent past. */
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

/** `0:07`, `12:05`, `3:00:12`. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * `43%  55/128 steps  24 steps/s  0:03 left  41 calls`, in so many columns: what matters least goes first.
 */
export function facts(
  progress: ProgressEvent,
  perSecond: number | undefined,
  columns = Number.POSITIVE_INFINITY,
): string {
  const { done, total, samples, finishedSamples, forwardCalls } = progress;
  const isRated = perSecond !== undefined;
  const parts = [
    { text: percent(done, total).padStart(4), rank: 0 },
    { text: samples > 1 ? `${finishedSamples}/${samples} samples` : "", rank: 2 },
    { text: `${done}/${total} steps`, rank: 4 },
    { text: isRated ? rateText(perSecond) : "", rank: 3 },
    { text: isRated && done < total ? `${clock((total - done) / perSecond)} left` : "", rank: 1 },
    { text: `${forwardCalls} ${forwardCalls === 1 ? "call" : "calls"}`, rank: 5 },
  ].filter(({ text }) => text !== "");
  for (let most = 5; most > 0; most--) {
    const line = parts.filter(({ rank }) => rank <= most).map(({ text }) => text);
    if (line.join("  ").length <= columns) return line.join("  ");
  }
  return percent(done, total);
}

/** What has nothing to do is done. */
function percent(done: number, total: number): string {
  return `${Math.floor(100 * shareOf(done, total))}%`;
}

function shareOf(done: number, total: number): number {
  return total === 0 ? 1 : done / total;
}

/** A stage of work without steps: `43%  55/128  0:03 left  perplexity of the samples`. */
export function stageFacts(
  stage: string,
  done: number,
  total: number,
  perSecond: number | undefined,
): string {
  const left =
    perSecond !== undefined && done < total ? [`${clock((total - done) / perSecond)} left`] : [];
  return [percent(done, total).padStart(4), `${done}/${total}`, ...left, stage].join("  ");
}

/** {@link stageFacts} after a bar, in one line of the screen. */
export function stageView(
  stage: string,
  done: number,
  total: number,
  perSecond: number | undefined,
  columns: number,
): string {
  const line = `${bar(shareOf(done, total), LEAST_BAR)} ${stageFacts(stage, done, total, perSecond)}`;
  return clip(line, Math.max(10, columns - 1));
}

function rateText(perSecond: number): string {
  if (perSecond < 1) return `${(1 / perSecond).toFixed(1)} s/step`;
  return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} steps/s`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** @param share in [0, 1]. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return filled + "░".repeat(Math.max(0, columns - widthOf(filled)));
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly hasColors: boolean;
}

/** The sample that is shown while it forms. */
export interface FormingText {
  /** Which one it is, where there are several. */
  readonly heading: string;
  readonly cells: readonly Cell[];
}

const LEAST_BAR = 12;
const MOST_BAR = 24;

/** The live view: a bar line, a heading with what the marks mean, and as much of the text as the screen holds. */
export function view(
  progress: ProgressEvent,
  perSecond: number | undefined,
  { heading, cells }: FormingText,
  { columns, rows, hasColors }: Screen,
): string {
  const width = Math.max(10, columns - 1);
  const said = facts(progress, perSecond, width - 1 - Math.min(LEAST_BAR, Math.floor(width / 2)));
  const barColumns = Math.min(MOST_BAR, width - 1 - said.length);
  const first = `${bar(shareOf(progress.done, progress.total), barColumns)} ${said}`;
  const paint = painter(hasColors);
  const lines = formingLines(cells, width, paint);
  const room = Math.max(1, rows - 4);
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), "..."];
  const marks = legend(cells, hasColors);
  const parts = [heading, ...marks.map(({ text }) => text)].filter((part) => part !== "");
  const explained = [
    ...(heading === "" ? [] : [heading]),
    ...marks.map(({ text, mark }) => paint(text, mark)),
  ];
  const second = widthOf(parts.join("  ")) <= width ? explained.join("  ") : clip(heading, width);
  return [clip(first, width), second, ...shown].join("\n");
}
