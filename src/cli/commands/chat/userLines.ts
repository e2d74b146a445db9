/** Reads what the user says, line by line: from a terminal with a prompt and history, or a pipe. */
import { createInterface } from "node:readline/promises";

const PROMPT = "> ";

/** @returns whether somebody sits at a terminal, who types there and reads there. */
export function isConversation(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Asks for lines at the terminal. Between two lines the terminal is left alone, so that Ctrl-C is a
 * signal. What was pasted at once is read at once: the lines after the first wait until they are
 * asked for, and what follows the last one stands on the next prompt.
 */
export class TerminalLines {
  readonly #signal: AbortSignal;
  #history: string[] = [];
  #waiting: string[] = [];
  #begun = "";
  #ended = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * @returns undefined at the end of the input (Ctrl-D).
   * @throws AbortError when the signal fires.
   */
  async next(): Promise<string | undefined> {
    const line = this.#waiting.shift();
    return line !== undefined || this.#ended ? line : await this.#ask();
  }

  /** Forgets what was pasted and not asked for yet. */
  forget(): void {
    this.#waiting = [];
    this.#begun = "";
  }

  async #ask(): Promise<string | undefined> {
    const reader = createInterface({
      input: process.stdin,
      output: process.stderr,
      history: [...this.#history],
      removeHistoryDuplicates: true,
    });
    reader.on("history", (lines: string[]) => (this.#history = [...lines]));
    // In the terminal's raw mode Ctrl-C is a key: here it becomes the signal that it is elsewhere.
    reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    // After Ctrl-Z and fg, Node leaves the input paused, and nothing would keep the program alive.
    reader.on("SIGCONT", () => reader.prompt(true));
    let answered = false;
    const ended = new Promise<undefined>((resolve) => {
      reader.once("close", () => {
        this.#ended = !answered;
        resolve(undefined);
      });
    });
    reader.on("line", (line) => this.#waiting.push(line)); // after the one that answers the question
    let line: string | undefined;
    try {
      const answer = reader.question(PROMPT, { signal: this.#signal });
      reader.write(this.#begun);
      line = await Promise.race([answer, ended]);
      this.#begun = reader.line;
      return line;
    } finally {
      answered = true;
      reader.close();
      if (line === undefined) process.stderr.write("\n");
    }
  }
}

/** Reads the lines of standard input, until its end or until the signal fires. */
export async function* pipedLines(signal: AbortSignal): AsyncGenerator<string, void, void> {
  const reader = createInterface({ input: process.stdin, crlfDelay: Infinity, signal });
  try {
    yield* reader;
  } finally {
    reader.close();
  }
}
