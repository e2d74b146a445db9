/** The part of a terminal that a live view draws anew, some ten times a second. */
import { createLogUpdate } from "log-update";

/** Ten pictures a second look alive and cost little. */
export const FRAME_MS = 100;

/** Whether a live view can be drawn there; else plain lines are written. */
export function isLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env.TERM !== "dumb";
}

/** Node decides as everybody does, by NO_COLOR, FORCE_COLOR and TERM; on what is no terminal nothing is coloured. */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors();
}

export class LiveArea {
  readonly hasColors: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #nextFrameAt = 0;
  #ended = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.hasColors = hasColors(stream);
    this.#update = createLogUpdate(stream);
  }

  /** Some pseudo-terminals say 0. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  get rows(): number {
    return this.#stream.rows || 24;
  }

  /** Whether it is time for the next picture; asking takes its turn. @param now milliseconds. */
  isDue(now: number): boolean {
    if (this.#ended || now < this.#nextFrameAt) return false;
    this.#nextFrameAt = now + FRAME_MS;
    return true;
  }

  draw(text: string): void {
    this.#update(text);
  }

  /** A line that stays, above what is drawn next. */
  note(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
  }

  /** Takes the picture away; the next one is due at once. */
  clear(): void {
    this.#update.clear();
    this.#nextFrameAt = 0;
  }

  /** Any number of times. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.clear();
    this.#update.done(); // shows the cursor again
  }
}
