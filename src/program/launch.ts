/**
 * Starts the backend of a model and loads its tokenizer meanwhile. It needs nothing of the
 * sampler's loops and texts, so the command line starts Python with it before it loads the rest.
 */
import { launchBackend, type Backend } from "../backend/backend.ts";
import { findPython } from "../backend/process/python.ts";
import { loadTokenizer, tokenizerBeside } from "../tokenizer/load.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { resolveLaunch, type LaunchOptions, type ResolvedLaunch } from "./launchOptions.ts";

/** A backend that answers, and what a `Remdm` needs beside it. */
export interface Launched {
  /** Whoever has it ends it. */
  readonly backend: Backend;
  /** undefined: the model's facts say which one fits. */
  readonly tokenizer: Tokenizer | undefined;
  readonly drawing: Pick<ResolvedLaunch, "rows" | "workers">;
}

/**
 * Starts a backend and waits until its checkpoint is loaded. The process is started before this
 * function first waits; where anything fails, it is ended.
 * @throws what `Remdm.launch` throws, except that the tokenizer may not fit the model.
 */
export async function startLaunch(options: LaunchOptions): Promise<Launched> {
  const launch = resolveLaunch(options);
  const python = findPython(launch.python).path;
  const failed = new AbortController();
  const signals = [failed.signal, ...(launch.signal === undefined ? [] : [launch.signal])];
  const [backend, tokenizer] = await Promise.allSettled([
    launchBackend({ ...launch, python }, { ...launch, signal: AbortSignal.any(signals) }),
    tokenizerOf(launch).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  ]);
  if (tokenizer.status === "rejected") {
    if (backend.status === "fulfilled") await backend.value.close();
    throw tokenizer.reason;
  }
  if (backend.status === "rejected") throw backend.reason;
  return { backend: backend.value, tokenizer: tokenizer.value, drawing: launch };
}

/** @returns the tokenizer that a caller chose; undefined: none was chosen. */
export async function chosenTokenizer(
  choice: string | Tokenizer | undefined,
): Promise<Tokenizer | undefined> {
  return typeof choice === "string" ? loadTokenizer(choice) : choice;
}

async function tokenizerOf(launch: ResolvedLaunch): Promise<Tokenizer | undefined> {
  return (await chosenTokenizer(launch.tokenizer)) ?? (await tokenizerBeside(launch.checkpoint));
}
