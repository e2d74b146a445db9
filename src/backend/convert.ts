/** A checkpoint in another format: the backend's Python does it, in a process of its own that leaves nothing half done. */
import { execa } from "execa";
import { isRecord } from "../sampler/checks.ts";
import { AbortedError } from "../sampler/errors.ts";
import { BACKEND_MODULE, backendEnvironment } from "./environment.ts";
import { endedError } from "./lastWords.ts";
import { LogTail } from "./logTail.ts";

export interface ConvertOptions {
  /** Path of a Python that has the backend's packages. */
  readonly python: string;
  /** Path of a Lightning `.ckpt`, of a directory of ours or a `.safetensors` file in it, or of MDLM's Hugging Face release. */
  readonly checkpoint: string;
  /** The directory that gets `model.safetensors`, `card.json`, and `tokenizer.json` where there is one beside the source. */
  readonly out: string;
  /** The averaged weights or those of the last training step. Default: the averaged ones, or what there is. */
  readonly weights?: "ema" | "raw" | undefined;
  readonly dtype: "float32" | "float16" | "bfloat16";
  /** Replace a checkpoint that is in `out`. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Bytes read and written, and how many there will be. */
  readonly onProgress: (done: number, total: number) => void;
}

/** From SIGTERM, in answer to which it tidies up, to SIGKILL. */
const KILL_DELAY_MS = 5_000;

/**
 * @returns the new checkpoint's card.
 * @throws CheckpointError, BackendError (output_failed, out_of_memory, backend_start_failed), AbortedError.
 */
export async function convert(options: ConvertOptions): Promise<unknown> {
  const { python, signal, onProgress } = options;
  const result: { card?: unknown } = {};
  const said = new LogTail((line) => {
    const facts: unknown = JSON.parse(line);
    if (!isRecord(facts)) return;
    if (typeof facts.done === "number" && typeof facts.total === "number") {
      onProgress(facts.done, facts.total);
    }
    if ("card" in facts) result.card = facts.card;
  });
  const log = new LogTail();
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
  const { exitCode, signal: killedBy, failed, cause, isCanceled } = await child;
  log.end();
  if (isCanceled) {
    const remedy = "Start it again; it left nothing.";
    throw new AbortedError(signal.reason, "The conversion was stopped", remedy);
  }
  if (!failed && result.card !== undefined) return result.card;
  const neverStarted = exitCode === undefined && killedBy === undefined;
  throw endedError(
    python,
    { exitCode, signal: killedBy, ...(neverStarted && { cause }) },
    log.lines,
    true,
  );
}

function commandLine({ checkpoint, out, weights, dtype, force }: ConvertOptions): string[] {
  return [
    ...["convert", "--managed", "--checkpoint", checkpoint, "--out", out, "--dtype", dtype],
    ...(weights === undefined ? [] : ["--weights", weights]),
    ...(force ? ["--force"] : []),
  ];
}
