/**
 * Keeps the last lines that a backend wrote to stderr: its owner reads them while it runs, and the
 * error shows them when it dies.
 */

const KEPT_LINES = 50;
/** A process that never ends its line must not fill our memory. */
const LONGEST_LINE = 10_000;

export class LogTail {
  readonly #lines: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  #unfinished = "";

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes any piece of text, and cuts it into lines. */
  push(text: string): void {
    const [first, ...rest] = text.split("\n");
    this.#unfinished = (this.#unfinished + first).slice(0, LONGEST_LINE);
    for (const next of rest) {
      this.#add(this.#unfinished);
      this.#unfinished = next.slice(0, LONGEST_LINE);
    }
  }

  /** Ends the text; a rest without a newline is a line too. */
  end(): void {
    if (this.#unfinished !== "") this.#add(this.#unfinished);
    this.#unfinished = "";
  }

  /** The last 50 lines at most, without empty ones. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  #add(text: string): void {
    const line = text.trimEnd();
    if (line === "") return;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#onLine?.(line);
  }
}
