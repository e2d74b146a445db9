/** What is said on standard error while a command works: a live view, plain lines, or nothing. */
import type { ProgressEvent } from "../../sampler/events.ts";
import { FRAME_MS, isLive, LiveArea } from "./liveArea.ts";
import { facts, Rate, stageFacts, stageView, view, type FormingText } from "./progress.ts";

export interface Reporter {
  /** Something without a measure has begun: loading a model. */
  phase(text: string): void;
  /** @param forming asked only when it is shown. */
  progress(event: ProgressEvent, forming: () => FormingText): void;
  /** `done` of `total` in a stage of work that has no steps. */
  stage(name: string, done: number, total: number): void;
  /** A line that stays. */
  note(line: string): void;
  /** A line for somebody who watches: it is left out where there is no terminal. */
  hint(line: string): void;
  /** Takes the live view away, so that something else can be written; the next progress brings it back. */
  clear(): void;
  /** The work is over, however it ended. Any number of times. */
  end(): void;
}

/** Plain lines: often at first, then every half minute. */
const FIRST_LINE_MS = 2_000;
const LINE_MS = 5_000;
const LATE_LINE_MS = 30_000;
const LATE_AFTER_MS = 60_000;

export function createReporter(stream: NodeJS.WriteStream, quiet: boolean): Reporter {
  if (quiet) return new QuietReporter();
  return isLive(stream)
    ? new LiveReporter(stream)
    : new PlainReporter((line) => stream.write(`${line}\n`));
}

class QuietReporter implements Reporter {
  phase(): void {
    // quiet
  }
  progress(): void {
    // quiet
  }
  stage(): void {
    // quiet
  }
  note(): void {
    // quiet
  }
  hint(): void {
    // quiet
  }
  clear(): void {
    // quiet
  }
  end(): void {
    // quiet
  }
}

/** @param now milliseconds; tests hand in their own. */
export class PlainReporter implements Reporter {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #rate = new Rate();
  #stage: string | undefined;
  #startedAt: number | undefined;
  #nextAt = 0;

  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  phase(text: string): void {
    this.#write(text);
  }

  progress(event: ProgressEvent): void {
    if (!this.#isDue(event.done)) return;
    this.#write(facts(event, this.#rate.perSecond).trimStart());
  }

  stage(name: string, done: number, total: number): void {
    if (name !== this.#stage) {
      this.#rate = new Rate();
      this.#stage = name;
    }
    if (!this.#isDue(done)) return;
    this.#write(stageFacts(name, done, total, this.#rate.perSecond).trimStart());
  }

  #isDue(done: number): boolean {
    const now = this.#now();
    this.#rate.note(now, done);
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      this.#nextAt = now + FIRST_LINE_MS;
    }
    if (now < this.#nextAt) return false;
    this.#nextAt = now + (now - this.#startedAt < LATE_AFTER_MS ? LINE_MS : LATE_LINE_MS);
    return true;
  }

  note(line: string): void {
    this.#write(line);
  }

  hint(): void {
    // nobody watches
  }

  clear(): void {
    // lines stay
  }

  end(): void {
    // lines stay
  }
}

class LiveReporter implements Reporter {
  readonly #area: LiveArea;
  #rate = new Rate();
  #stage: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#area = new LiveArea(stream);
  }

  phase(text: string): void {
    this.#stopTimer();
    const startedAt = performance.now();
    const show = (): void => {
      const seconds = Math.floor((performance.now() - startedAt) / 1000);
      this.#area.draw(seconds < 1 ? text : `${text} ${seconds} s`);
    };
    show();
    this.#timer = setInterval(show, FRAME_MS);
  }

  progress(event: ProgressEvent, forming: () => FormingText): void {
    if (!this.#isDue(event.done)) return;
    this.#area.draw(view(event, this.#rate.perSecond, forming(), this.#area));
  }

  stage(name: string, done: number, total: number): void {
    if (name !== this.#stage) {
      this.#rate = new Rate();
      this.#stage = name;
    }
    if (!this.#isDue(done)) return;
    this.#area.draw(stageView(name, done, total, this.#rate.perSecond, this.#area.columns));
  }

  #isDue(done: number): boolean {
    const now = performance.now();
    this.#rate.note(now, done);
    if (!this.#area.isDue(now)) return false;
    this.#stopTimer();
    return true;
  }

  note(line: string): void {
    this.#stopTimer();
    this.#area.note(line);
  }

  hint(line: string): void {
    this.note(line);
  }

  clear(): void {
    this.#stopTimer();
    this.#area.clear();
  }

  end(): void {
    this.#stopTimer();
    this.#area.end();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
