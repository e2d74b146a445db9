/**
 * Shows how far a run of the sampler is, with the text that forms; or a stage that has no steps.
 */
import type { ProgressEvent } from "../../sampler/events.ts";
import { counted } from "../../foundation/messages.ts";
import type { Cell } from "./board.ts";
import { changesIn, formingLines, legend, painter } from "./formingText.ts";
import type { Screen } from "./liveArea.ts";
import { bar, percent, shareOf, timeLeft } from "./measures.ts";
import type { Pace, View } from "./progressRenderer.ts";
import type { ScrollingWindow } from "./scrollingWindow.ts";
import { clip, widthOf } from "./terminalText.ts";

/** Plain lines come often at first, then every half minute. */
const STEPS_PACE: Pace = {
  firstMs: 2_000,
  anew: false,
  everyMs: (sinceMs) => (sinceMs < 60_000 ? 5_000 : 30_000),
};

/** The sample that is shown while it forms. */
export interface FormingText {
  /** Which one it is, where there are several. */
  readonly heading: string;
  readonly cells: readonly Cell[];
}

/**
 * @param forming asked only when it is shown.
 * @param window through which one looks at a text that is longer than the screen.
 * @param atMost whether the number of steps is an upper bound, as of an untimed strategy.
 */
export function stepsView(
  progress: ProgressEvent,
  forming: () => FormingText,
  window: ScrollingWindow,
  atMost = false,
): View {
  return {
    work: "steps",
    done: progress.done,
    pace: STEPS_PACE,
    line: (perSecond) => stepFacts(progress, perSecond, Number.POSITIVE_INFINITY, atMost),
    picture: (perSecond, screen) =>
      stepsPicture(progress, perSecond, forming(), screen, window, atMost),
  };
}

/**
 * Writes ` 43%  55/128 steps  24 steps/s  0:03 left  41 calls`, in so many columns: what matters
 * least goes first.
 */
export function stepFacts(
  progress: ProgressEvent,
  perSecond: number | undefined,
  columns = Number.POSITIVE_INFINITY,
  atMost = false,
): string {
  const { done, total, samples, finishedSamples, forwardCalls } = progress;
  const share = percent(shareOf(done, total));
  const parts = [
    { text: share.padStart(4), rank: 0 },
    { text: samples > 1 ? `${finishedSamples}/${samples} samples` : "", rank: 2 },
    { text: `${done}${atMost ? " of at most " : "/"}${counted(total, "step")}`, rank: 4 },
    { text: perSecond === undefined ? "" : rateText(perSecond), rank: 3 },
    { text: timeLeft(done, total, perSecond).join(""), rank: 1 },
    { text: counted(forwardCalls, "call"), rank: 5 },
  ].filter(({ text }) => text !== "");
  for (let most = 5; most > 0; most--) {
    const line = parts.filter(({ rank }) => rank <= most).map(({ text }) => text);
    if (line.join("  ").length <= columns) return line.join("  ");
  }
  return share;
}

function rateText(perSecond: number): string {
  if (perSecond < 1) return `${(1 / perSecond).toFixed(1)} s/step`;
  return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} steps/s`;
}

const LEAST_BAR = 12;
const MOST_BAR = 24;

/**
 * Draws a line with a bar, a heading with what the marks mean, and as much of the text as the
 * screen holds: where it is longer, the part that changes.
 */
export function stepsPicture(
  progress: ProgressEvent,
  perSecond: number | undefined,
  { heading, cells }: FormingText,
  { columns, rows, hasColors }: Screen,
  window: ScrollingWindow,
  atMost = false,
): string {
  const width = Math.max(10, columns - 1);
  const room = width - 1 - Math.min(LEAST_BAR, Math.floor(width / 2));
  const said = stepFacts(progress, perSecond, room, atMost);
  const barColumns = Math.min(MOST_BAR, width - 1 - said.length);
  const first = `${bar(shareOf(progress.done, progress.total), barColumns)} ${said}`;
  const paint = painter(hasColors);
  const lines = formingLines(cells, width);
  const shown = window.onto(
    heading,
    lines.map((line) => line.map(({ text, mark }) => paint(text, mark)).join("")),
    lines.map(changesIn),
    Math.max(1, rows - 4),
  );
  const marks = legend(cells, hasColors);
  const parts = [heading, ...marks.map(({ text }) => text)].filter((part) => part !== "");
  const explained = [
    ...(heading === "" ? [] : [heading]),
    ...marks.map(({ text, mark }) => paint(text, mark)),
  ];
  const second = widthOf(parts.join("  ")) <= width ? explained.join("  ") : clip(heading, width);
  return [clip(first, width), second, ...shown].join("\n");
}

/** How far a stage of work is that has no steps. */
export function stageView(stage: string, done: number, total: number): View {
  return {
    work: stage,
    done,
    pace: STEPS_PACE,
    line: (perSecond) => stageFacts(stage, done, total, perSecond),
    picture: (perSecond, { columns }) => stagePicture(stage, done, total, perSecond, columns),
  };
}

/** Writes ` 43%  55/128  0:03 left  perplexity of the samples`. */
export function stageFacts(
  stage: string,
  done: number,
  total: number,
  perSecond: number | undefined,
): string {
  return [
    percent(shareOf(done, total)).padStart(4),
    `${done}/${total}`,
    ...timeLeft(done, total, perSecond),
    stage,
  ].join("  ");
}

/** Draws {@link stageFacts} after a bar, in one line of the screen. */
export function stagePicture(
  stage: string,
  done: number,
  total: number,
  perSecond: number | undefined,
  columns: number,
): string {
  const drawn = bar(shareOf(done, total), LEAST_BAR);
  return clip(`${drawn} ${stageFacts(stage, done, total, perSecond)}`, Math.max(10, columns - 1));
}
