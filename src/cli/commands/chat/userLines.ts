/** Reads what the user says, line by line: from a terminal with a prompt and history, or a pipe. */
import { createInterface } from "node:readline/promises";

const PROMPT = "> ";

/** @returns whether somebody sits at a terminal, who types there and reads there. */
export function isConversation(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Asks for lines at the terminal, until its end (Ctrl-D). Between two lines the terminal is left
 * alone, so that Ctrl-C is a signal.
 * @throws AbortError when the signal fires.
 */
export async function* terminalLines(signal: AbortSignal): AsyncGenerator<string, void, void> {
  let history: string[] = [];
  for (;;) {
    const line = await ask(signal, history, (lines) => (history = lines));
    if (line === undefined) return;
    yield line;
  }
}

/** @returns undefined at the end of the input. */
async function ask(
  signal: AbortSignal,
  history: string[],
  remember: (lines: string[]) => void,
): Promise<string | undefined> {
  const reader = createInterface({
    input: process.stdin,
    output: process.stderr,
    history: [...history],
    removeHistoryDuplicates: true,
  });
  reader.on("history", (lines: string[]) => remember([...lines]));
  // In the terminal's raw mode Ctrl-C is a key: here it becomes the signal that it is elsewhere.
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const ended = new Promise<undefined>((resolve) => {
    reader.once("close", () => resolve(undefined));
  });
  let line: string | undefined;
  try {
    line = await Promise.race([reader.question(PROMPT, { signal }), ended]);
    return line;
  } finally {
    reader.close();
    if (line === undefined) process.stderr.write("\n");
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
