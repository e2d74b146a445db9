/** Draws a live view on a part of the terminal, anew some ten times a second. */
import { createLogUpdate } from "log-update";

/** Ten pictures a second look alive and cost little. */
export const FRAME_MS = 100;

/** What a picture must fit into, and whether it may be coloured. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly hasColors: boolean;
}

/** Says whether a live view can be drawn there; else plain lines are written. */
export function isLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env.TERM !== "dumb";
}

/** A size of 0, which some pseudo-terminals tell, means that nobody knows it. */
function sized(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stream, {
    get(target, key) {
      if (key === "columns") return target.columns || 80;
      if (key === "rows") return target.rows || 24;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Draws pictures one over the other, and lets lines that stay pass above them. */
export class LiveArea implements Screen {
  /** Node decides as everybody does, by NO_COLOR, FORCE_COLOR and TERM. */
  readonly hasColors: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #nextFrameAt = 0;
  #ended = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = sized(stream);
    this.hasColors = stream.hasColors();
    this.#update = createLogUpdate(this.#stream);
  }

  get columns(): number {
    return this.#stream.columns;
  }

  get rows(): number {
    return this.#stream.rows;
  }

  /**
   * Tells whether it is time for the next picture; asking takes its turn.
   * @param now milliseconds.
   */
  isDue(now: number): boolean {
    if (this.#ended || now < this.#nextFrameAt) return false;
    this.#nextFrameAt = now + FRAME_MS;
    return true;
  }

  draw(text: string): void {
    this.#update(text);
  }

  /** Writes a line that stays, above what is drawn next. */
  note(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
  }

  /** Takes the picture away; the next one is due at once. */
  clear(): void {
    this.#update.clear();
    this.#nextFrameAt = 0;
  }

  /** Takes the picture away for good. Any number of times. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.clear();
    this.#update.done(); // shows the cursor again
  }
}
