/** Progress in bytes on standard error, in the manner of `reporter.ts`: a live line on a terminal, else a line now and then. */
import { bytesText } from "../../foundation/bytesText.ts";
import { isLive, LiveArea } from "./liveArea.ts";
import { bar, clock, Rate } from "./progress.ts";

export interface ByteReporter {
  /** @param what is done: "mdlm", "checking mdlm". @param total undefined while unknown. */
  progress(what: string, done: number, total: number | undefined): void;
  /** A line that stays. */
  note(line: string): void;
  /** Any number of times. */
  end(): void;
}

const FIRST_LINE_MS = 2_000;
const LINE_MS = 10_000;
const BAR_COLUMNS = 24;

export function createByteReporter(stream: NodeJS.WriteStream, quiet: boolean): ByteReporter {
  if (quiet) return { progress: () => undefined, note: () => undefined, end: () => undefined };
  return isLive(stream)
    ? new LiveByteReporter(stream)
    : new PlainByteReporter((line) => stream.write(`${line}\n`));
}

/** `43%  585 MB of 1.36 GB  12 MB/s  1:03 left`. */
export function byteFacts(
  done: number,
  total: number | undefined,
  perSecond: number | undefined,
): string {
  const rate = perSecond === undefined ? [] : [`${bytesText(Math.round(perSecond))}/s`];
  if (total === undefined) return [bytesText(done), ...rate].join("  ");
  const percent = `${Math.floor((100 * done) / Math.max(1, total))}%`.padStart(4);
  const left =
    perSecond === undefined || done >= total ? [] : [`${clock((total - done) / perSecond)} left`];
  return [percent, `${bytesText(done)} of ${bytesText(total)}`, ...rate, ...left].join("  ");
}

/** @param now milliseconds; tests hand in their own. */
export class PlainByteReporter implements ByteReporter {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #what = "";
  #rate = new Rate();
  #nextAt = 0;

  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  progress(what: string, done: number, total: number | undefined): void {
    const now = this.#now();
    if (what !== this.#what) {
      [this.#what, this.#rate, this.#nextAt] = [what, new Rate(), now + FIRST_LINE_MS];
    }
    this.#rate.note(now, done);
    if (now < this.#nextAt) return;
    this.#nextAt = now + LINE_MS;
    this.#write(`${what}: ${byteFacts(done, total, this.#rate.perSecond).trimStart()}`);
  }

  note(line: string): void {
    this.#write(line);
  }

  end(): void {
    // lines stay
  }
}

class LiveByteReporter implements ByteReporter {
  readonly #area: LiveArea;
  #what = "";
  #rate = new Rate();

  constructor(stream: NodeJS.WriteStream) {
    this.#area = new LiveArea(stream);
  }

  progress(what: string, done: number, total: number | undefined): void {
    const now = performance.now();
    if (!this.#area.isDue(now)) return;
    if (what !== this.#what) [this.#what, this.#rate] = [what, new Rate()];
    this.#rate.note(now, done);
    const picture = total === undefined ? "" : `${bar(done / Math.max(1, total), BAR_COLUMNS)} `;
    const line = `${picture}${byteFacts(done, total, this.#rate.perSecond)}  ${what}`;
    this.#area.draw(line.slice(0, Math.max(10, this.#area.columns - 1)));
  }

  note(line: string): void {
    this.#area.note(line);
  }

  end(): void {
    this.#area.end();
  }
}
