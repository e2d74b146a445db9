/**
 * Runs any command: it gives the job a signal, a progress display and standard output, and turns
 * its end into an exit code. What differs between commands is the job that is handed in.
 */
import { failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import type { Naming } from "./naming.ts";
import { standardOutput } from "./standardOutput.ts";
import type { ProgressRenderer } from "./terminal/progressRenderer.ts";

/** What a job is given. */
export interface Session {
  /** Fires on Ctrl-C and SIGTERM, and when standard output takes no more. */
  readonly signal: AbortSignal;
  readonly progress: ProgressRenderer;
  /** Writes results to standard output. */
  readonly print: (text: string) => void;
  /** Tells a failure that the job outlives; the exit code says so. */
  readonly fail: (error: unknown) => void;
  /** Sets the exit code, 0 by default; a greater one that was set before stays. */
  readonly exitWith: (code: number) => void;
  /** Sets what Ctrl-C ends instead of the job; undefined: it ends the job again. */
  readonly endPartWith: (end: (() => void) | undefined) => void;
  /** Sets what is said when Ctrl-C has ended the job. Default: "Stopped." */
  readonly onStopped: (say: (error: unknown) => string) => void;
}

export interface Frame {
  /** What the command calls the library's options. */
  readonly naming?: Naming;
  /** No progress. */
  readonly quiet?: boolean | undefined;
  /** The job sees to Ctrl-C and SIGTERM itself. */
  readonly ownSignals?: boolean;
}

/** @returns the exit code. */
export async function runCommand(
  { naming, quiet = false, ownSignals = false }: Frame,
  job: (session: Session) => Promise<void>,
): Promise<number> {
  const progress = await progressOf(quiet);
  using interruption = new Interruption(!ownSignals);
  standardOutput.whenClosed(() => interruption.stop());
  const { signal } = interruption;
  let exitCode = 0;
  let stopped = (_error: unknown): string => "Stopped.";
  const exitWith = (code: number): void => {
    exitCode = Math.max(exitCode, code);
  };
  const fail = (error: unknown): void => {
    progress.end();
    const { code, text } = failureOf(error, naming);
    process.stderr.write(text);
    exitWith(code);
  };
  const session: Session = {
    signal,
    progress,
    fail,
    exitWith,
    print: (text) => standardOutput.write(text),
    onStopped: (say) => (stopped = say),
    endPartWith: (end) => {
      interruption.endPartWith(end);
    },
  };
  try {
    await job(session);
    return exitCode;
  } catch (error) {
    if (!signal.aborted) {
      fail(error);
      return exitCode;
    }
    progress.end();
    // Nobody interrupted: standard output takes no more, of which `main` tells.
    if (interruption.exitCode === undefined) return exitCode;
    progress.note(stopped(error));
    return interruption.exitCode;
  } finally {
    progress.end();
    standardOutput.whenClosed(() => undefined); // a later error is not this command's
  }
}

/**
 * Imported only then: help needs no renderer. In a function of its own, because TypeScript 5.9
 * leaves `.ts` in an import() beside a `using`.
 */
async function progressOf(quiet: boolean): Promise<ProgressRenderer> {
  const { ProgressRenderer } = await import("./terminal/progressRenderer.ts");
  return ProgressRenderer.on(process.stderr, quiet);
}
