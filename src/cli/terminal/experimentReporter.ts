/** The progress of an experiment on standard error: a live line on a terminal, else a line now and then. */
import type { ExperimentProgress } from "../../experiment/run/progress.ts";
import { isLive, LiveArea } from "./liveArea.ts";
import { bar, clock } from "./progress.ts";
import { clip, harmless } from "./terminalText.ts";

export interface ExperimentReporter {
  progress(progress: ExperimentProgress): void;
  /** A line that stays. */
  note(line: string): void;
  /** Any number of times. */
  end(): void;
}

const LINE_MS = 30_000;
const BAR_COLUMNS = 20;

export function createExperimentReporter(
  stream: NodeJS.WriteStream,
  quiet: boolean,
): ExperimentReporter {
  if (quiet) {
    return { progress: () => undefined, note: () => undefined, end: () => undefined };
  }
  return isLive(stream)
    ? new LiveExperimentReporter(stream)
    : new LineReporter((line) => stream.write(`${line}\n`));
}

/** `34%  5/18 cells  812/2,304 samples  0:41:07 left  sampling demo_mdlm_T128_p0.9_seed1`. */
export function progressLine(progress: ExperimentProgress): string {
  const { finishedCells, cells, finishedSamples, samples, share, secondsLeft } = progress;
  return [
    `${Math.floor(100 * share)}%`.padStart(4),
    `${finishedCells}/${cells} cells`,
    `${finishedSamples}/${samples} samples`,
    ...(secondsLeft === undefined ? [] : [`${clock(secondsLeft)} left`]),
    harmless(`${progress.stage} ${progress.what}`),
  ].join("  ");
}

/** @param now milliseconds; tests hand in their own. */
export class LineReporter implements ExperimentReporter {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #nextAt = 0;
  #said = "";

  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  /** A line for each cell's beginning and each load, and every half minute between. */
  progress(progress: ExperimentProgress): void {
    const { stage, what } = progress;
    const key = stage === "evaluating" ? stage : `${stage} ${what}`;
    const isNews = key !== this.#said && stage !== "evaluating";
    if (!isNews && this.#now() < this.#nextAt) return;
    this.#said = key;
    this.#nextAt = this.#now() + LINE_MS;
    this.#write(progressLine(progress).trimStart());
  }

  note(line: string): void {
    this.#write(line);
  }

  end(): void {
    // lines stay
  }
}

class LiveExperimentReporter implements ExperimentReporter {
  readonly #area: LiveArea;

  constructor(stream: NodeJS.WriteStream) {
    this.#area = new LiveArea(stream);
  }

  progress(progress: ExperimentProgress): void {
    if (!this.#area.isDue(performance.now())) return;
    const drawn = bar(progress.share, BAR_COLUMNS);
    const line = `${drawn} ${progressLine(progress).trimStart()}`;
    this.#area.draw(clip(line, this.#area.columns - 1));
  }

  note(line: string): void {
    this.#area.note(line);
  }

  end(): void {
    this.#area.end();
  }
}
