/**
 * The frame of every command: what it says while it works, how Ctrl-C ends it, and which exit code
 * its end is. What differs between commands is the job that is handed in.
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
  print(this: void, text: string): void;
  /** Tells a failure that the job outlives; the exit code is that of the worst one. */
  fail(this: void, error: unknown): void;
  /** @param say what is said when Ctrl-C has ended the job. Default: "Stopped." */
  onStopped(this: void, say: (error: unknown) => string): void;
}

export interface Frame {
  /** What the command calls the library's options. */
  readonly naming?: Naming;
  /** No progress. */
  readonly quiet?: boolean | undefined;
  /** The job sees to Ctrl-C and SIGTERM itself. */
  readonly ownSignals?: boolean;
}

/** @param job its result is the exit code, 0 by default. @returns the exit code. */
export async function runCommand(
  { naming, quiet = false, ownSignals = false }: Frame,
  job: (session: Session) => number | void | Promise<number | void>,
): Promise<number> {
  const { ProgressRenderer } = await import("./terminal/progressRenderer.ts");
  const progress = ProgressRenderer.on(process.stderr, quiet);
  using interruption = new Interruption(!ownSignals);
  using _watch = standardOutput.watch(() => interruption.stop());
  const { signal } = interruption;
  let worst = 0;
  let stopped = (_error: unknown): string => "Stopped.";
  const fail = (error: unknown): void => {
    progress.end();
    const { code, text } = failureOf(error, naming);
    process.stderr.write(text);
    worst = Math.max(worst, code);
  };
  const session: Session = {
    signal,
    progress,
    fail,
    print: (text) => standardOutput.write(text),
    onStopped: (say) => (stopped = say),
  };
  try {
    const code = await job(session);
    return Math.max(code ?? 0, worst);
  } catch (error) {
    if (!signal.aborted) {
      fail(error);
      return worst;
    }
    progress.end();
    // Nobody interrupted: standard output takes no more, of which `main` tells.
    if (interruption.exitCode === undefined) return worst;
    progress.note(stopped(error));
    return interruption.exitCode;
  } finally {
    progress.end();
  }
}
