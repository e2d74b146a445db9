/** The frame of a program of this folder: exit codes, Ctrl-C, and errors in words. */
import { UsageError } from "./usage.ts";

export const EXIT = { agree: 0, differ: 1, usage: 2, interrupted: 130 } as const;

/** Does the work of a program. @returns the exit code. */
export type Main = (args: readonly string[], signal: AbortSignal) => Promise<number>;

/** Runs a program with the arguments of the command line, and sets the exit code. */
export async function runProgram(main: Main): Promise<void> {
  const controller = new AbortController();
  /** The first ends the work in order; the second ends us at once, and the Python with us. */
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    process.exitCode = await main(process.argv.slice(2), controller.signal);
  } catch (error) {
    process.exitCode = controller.signal.aborted ? EXIT.interrupted : failed(error);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function failed(error: unknown): number {
  if (error instanceof UsageError) {
    note(`error: ${error.message}\n  ${error.remedy}`);
    return EXIT.usage;
  }
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  note(`error: ${message}`);
  if (process.env.REMDM_DEBUG && typeof cause === "string") note(cause);
  return EXIT.differ;
}
