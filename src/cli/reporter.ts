/** What is said on standard error while a command works: a live view, plain lines, or nothing. */
import { createLogUpdate } from "log-update";
import type { ProgressEvent } from "../sampler/events.ts";
import { facts, Rate, stageFacts, stageView, view } from "./progress.ts";

/** The sample that is shown while it forms. */
export interface FormingText {
  readonly heading: string;
  readonly text: string;
}

export interface Reporter {
  /** Something without a measure has begun: loading a model. */
  phase(text: string): void;
  /** @param forming asked only when it is shown. */
  progress(event: ProgressEvent, forming: () => FormingText): void;
  /** `done` of `total` in a stage of work that has no steps. */
  stage(name: string, done: number, total: number): void;
  /** A line that stays. */
  note(line: string): void;
  /** Takes the live view away, so that something else can be written; the next progress brings it back. */
  clear(): void;
  /** The work is over, however it ended. Any number of times. */
  end(): void;
}

/** Ten pictures a second look alive and cost little. */
const FRAME_MS = 100;
/** Plain lines: often at first, then every half minute. */
const FIRST_LINE_MS = 2_000;
const LINE_MS = 5_000;
const LATE_LINE_MS = 30_000;
const LATE_AFTER_MS = 60_000;

export function createReporter(stream: NodeJS.WriteStream, quiet: boolean): Reporter {
  if (quiet) return new QuietReporter();
  return stream.isTTY && process.env.TERM !== "dumb"
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

  clear(): void {
    // lines stay
  }

  end(): void {
    // lines stay
  }
}

class LiveReporter implements Reporter {
  readonly #stream: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #rate = new Rate();
  #stage: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextFrameAt = 0;
  #ended = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#update = createLogUpdate(stream);
  }

  phase(text: string): void {
    this.#stopTimer();
    const startedAt = performance.now();
    const show = (): void => {
      const seconds = Math.floor((performance.now() - startedAt) / 1000);
      this.#update(seconds < 1 ? text : `${text} ${seconds} s`);
    };
    show();
    this.#timer = setInterval(show, FRAME_MS);
  }

  progress(event: ProgressEvent, forming: () => FormingText): void {
    if (!this.#isDue(event.done)) return;
    // Some pseudo-terminals say 0.
    const [columns, rows] = [this.#stream.columns || 80, this.#stream.rows || 24];
    const { heading, text } = forming();
    this.#update(view(event, this.#rate.perSecond, heading, text, { columns, rows }));
  }

  stage(name: string, done: number, total: number): void {
    if (name !== this.#stage) {
      this.#rate = new Rate();
      this.#stage = name;
    }
    if (!this.#isDue(done)) return;
    this.#update(stageView(name, done, total, this.#rate.perSecond, this.#stream.columns || 80));
  }

  #isDue(done: number): boolean {
    const now = performance.now();
    this.#rate.note(now, done);
    if (this.#ended || now < this.#nextFrameAt) return false;
    this.#stopTimer();
    this.#nextFrameAt = now + FRAME_MS;
    return true;
  }

  note(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
  }

  clear(): void {
    this.#stopTimer();
    this.#update.clear();
    this.#nextFrameAt = 0;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.clear();
    this.#update.done(); // shows the cursor again
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
