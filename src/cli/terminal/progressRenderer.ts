/**
 * Shows on standard error how far a command is: as a live view on a terminal, as plain lines
 * elsewhere, or not at all. Views make what is shown: of steps, stages, bytes and experiments.
 */
import { FRAME_MS, isLive, LiveArea, type Screen } from "./liveArea.ts";
import { Rate } from "./measures.ts";

/** Where some work is at one moment, and how that looks. */
export interface View {
  /** A rate is measured for each work anew: `mdlm`, `checking mdlm`. */
  readonly work: string;
  /** How much is done, in any unit. */
  readonly done: number;
  readonly pace: Pace;
  /** A line for what is no terminal. @param perSecond of `done`. */
  line(perSecond: number | undefined): string;
  /** A picture for a terminal; asked for only when it is drawn. */
  picture(perSecond: number | undefined, screen: Screen): string;
}

/** When plain lines come. */
export interface Pace {
  /** Milliseconds from the beginning to the first line. */
  readonly firstMs: number;
  /** Whether each work is such a beginning, or only the first one. */
  readonly anew: boolean;
  /** Milliseconds to the next line. @param sinceMs milliseconds since the beginning. */
  everyMs(sinceMs: number): number;
}

/** Where it is shown. */
type Medium =
  | { readonly kind: "live"; readonly area: LiveArea }
  | { readonly kind: "plain"; readonly write: (line: string) => void }
  | { readonly kind: "quiet" };

export class ProgressRenderer {
  readonly #medium: Medium;
  readonly #now: () => number;
  #work: string | undefined;
  #rate = new Rate();
  #startedAt: number | undefined;
  #nextLineAt = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(medium: Medium, now: () => number = () => performance.now()) {
    this.#medium = medium;
    this.#now = now;
  }

  static on(stream: NodeJS.WriteStream, quiet: boolean): ProgressRenderer {
    if (quiet) return new ProgressRenderer({ kind: "quiet" });
    if (!isLive(stream)) return ProgressRenderer.plain((line) => stream.write(`${line}\n`));
    return new ProgressRenderer({ kind: "live", area: new LiveArea(stream) });
  }

  /** @param now milliseconds; tests hand in their own. */
  static plain(write: (line: string) => void, now?: () => number): ProgressRenderer {
    return new ProgressRenderer({ kind: "plain", write }, now);
  }

  /** Tells that something without a measure has begun: loading a model. */
  phase(text: string): void {
    this.#stopTimer();
    if (this.#medium.kind === "plain") this.#medium.write(text);
    if (this.#medium.kind !== "live") return;
    const { area } = this.#medium;
    const startedAt = this.#now();
    const show = (): void => {
      const seconds = Math.floor((this.#now() - startedAt) / 1000);
      area.draw(seconds < 1 ? text : `${text} ${seconds} s`);
    };
    show();
    this.#timer = setInterval(show, FRAME_MS);
  }

  /** Shows a view when it is time for the next one. */
  show(view: View): void {
    if (this.#medium.kind === "quiet") return;
    const now = this.#now();
    this.#note(view, now);
    if (this.#medium.kind === "plain") {
      if (now < this.#nextLineAt) return;
      this.#nextLineAt = now + view.pace.everyMs(now - (this.#startedAt ?? now));
      this.#medium.write(view.line(this.#rate.perSecond).trimStart());
    } else if (this.#medium.area.isDue(now)) {
      this.#stopTimer();
      const { area } = this.#medium;
      area.draw(view.picture(this.#rate.perSecond, area));
    }
  }

  #note({ work, done, pace }: View, now: number): void {
    if (work !== this.#work) {
      this.#work = work;
      this.#rate = new Rate();
      if (this.#startedAt === undefined || pace.anew) this.#nextLineAt = now + pace.firstMs;
      this.#startedAt ??= now;
    }
    this.#rate.note(now, done);
  }

  /** Writes a line that stays. */
  note(line: string): void {
    this.#stopTimer();
    if (this.#medium.kind === "plain") this.#medium.write(line);
    if (this.#medium.kind === "live") this.#medium.area.note(line);
  }

  /** Writes a line for somebody who watches: only a terminal gets it. */
  hint(line: string): void {
    if (this.#medium.kind === "live") this.note(line);
  }

  /**
   * Takes the live view away, so that something else can be written; the next view brings it back.
   */
  clear(): void {
    this.#stopTimer();
    if (this.#medium.kind === "live") this.#medium.area.clear();
  }

  /** The work is over, however it ended. Any number of times. */
  end(): void {
    this.#stopTimer();
    if (this.#medium.kind === "live") this.#medium.area.end();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
