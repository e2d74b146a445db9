/**
 * Converts a checkpoint to safetensors, in a Python process of its own that leaves nothing half
 * done.
 */
import { execa } from "execa";
import { isRecord } from "../../foundation/checks.ts";
import { AbortedError } from "../../foundation/errors.ts";
import { BACKEND_MODULE, backendEnvironment } from "./environment.ts";
import { endedError, type EndRemedies } from "./lastWords.ts";
import { LogTail } from "./logTail.ts";

export interface ConvertOptions {
  /** The path of a Python that has the backend's packages. */
  readonly python: string;
  /**
   * The path of a Lightning `.ckpt`, of a directory of ours or a `.safetensors` file in it, or of
   * MDLM's Hugging Face release.
   */
  readonly checkpoint: string;
  /**
   * The directory that gets `model.safetensors`, `card.json`, and `tokenizer.json` where there is
   * one beside the source.
   */
  readonly out: string;
  /**
   * The averaged weights, or the weights of the last training step. Default: the averaged ones
   * where the source has them, else the others.
   */
  readonly weights?: "ema" | "raw" | undefined;
  readonly dtype: "float32" | "float16" | "bfloat16";
  /** Replace a checkpoint that is in `out`. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Receives how many bytes were read and written, and how many there will be. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Milliseconds from SIGTERM, at which the process tidies up, to SIGKILL. */
const KILL_DELAY_MS = 5_000;

const REMEDIES: EndRemedies = {
  killed:
    "If nobody killed it, the system ran out of memory: close other programs, or convert it on a machine with more.",
  ended: "Start it again; look at the disk first.",
};

/**
 * Runs the conversion. Resolves when the checkpoint is written, also after an abort that came too
 * late.
 * @throws CheckpointError, BackendError (output_failed, out_of_memory, backend_start_failed,
 * backend_exited), AbortedError.
 */
export async function convert(options: ConvertOptions): Promise<void> {
  const { python, signal, onProgress } = options;
  const seen = { progress: false, end: false };
  const log = new LogTail();
  const said = new LogTail((line) => {
    const facts = parsed(line);
    if (typeof facts?.done === "number" && typeof facts.total === "number") {
      seen.progress = true;
      onProgress(facts.done, facts.total);
    } else if (facts?.finished === true) {
      seen.end = true;
    } else {
      log.push(`${line}\n`); // a package's, most likely
    }
  });
  const child = execa(python, [...BACKEND_MODULE, ...commandLine(options)], {
    env: backendEnvironment(),
    stdin: "pipe", // held open: the process ends when it closes
    buffer: false,
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: KILL_DELAY_MS,
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => said.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => log.push(text));
  const { exitCode, signal: killedBy, cause, isCanceled } = await child;
  said.end();
  log.end();
  if (seen.end && exitCode === 0) return;
  if (isCanceled) {
    const remedy = "Start it again; it left nothing.";
    throw new AbortedError(signal.reason, "The conversion was stopped", remedy);
  }
  const neverStarted = exitCode === undefined && killedBy === undefined;
  throw endedError(
    python,
    { exitCode, signal: killedBy, ...(neverStarted && { cause }) },
    log.lines,
    seen.progress,
    REMEDIES,
  );
}

/** Parses a line of our own; returns undefined for any other line. */
function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function commandLine({ checkpoint, out, weights, dtype, force }: ConvertOptions): string[] {
  return [
    ...["convert", "--managed", "--checkpoint", checkpoint, "--out", out, "--dtype", dtype],
    ...(weights === undefined ? [] : ["--weights", weights]),
    ...(force ? ["--force"] : []),
  ];
}
