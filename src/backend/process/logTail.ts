/** The last lines that a backend wrote to stderr: for its owner while it runs, for the error when it dies. */

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

  /** Any piece of text; lines are cut here. */
  push(text: string): void {
    const [first, ...rest] = text.split("\n");
    this.#unfinished = (this.#unfinished + first).slice(0, LONGEST_LINE);
    for (const next of rest) {
      this.#add(this.#unfinished);
      this.#unfinished = next.slice(0, LONGEST_LINE);
    }
  }

  /** The text is over: what has no newline is a line too. */
  end(): void {
    if (this.#unfinished !== "") this.#add(this.#unfinished);
    this.#unfinished = "";
  }

  /** At most the last 50, without the empty ones. */
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
