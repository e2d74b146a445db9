/** The public class: a model that is ready to be sampled from. */
import { connectBackend, launchBackend, ping, type Backend } from "./backend/backend.ts";
import type { ModelCard, ReadyReply, Runtime } from "./backend/protocol.ts";
import { findPython } from "./backend/python.ts";
import { ZmqDenoiser } from "./backend/zmqDenoiser.ts";
import {
  resolveConnect,
  resolveLaunch,
  type ConnectOptions,
  type LaunchOptions,
  type RowChoice,
} from "./launchOptions.ts";
import { tokenEntropy } from "./metrics/entropy.ts";
import { pinPrompt } from "./prompt.ts";
import { SampleRun } from "./run.ts";
import type { Denoiser } from "./sampler/denoiser.ts";
import type { SamplerOptions } from "./sampler/events.ts";
import { resolveOptions } from "./sampler/options.ts";
import { sampleEvents } from "./sampler/run.ts";
import { checkTokenizer, loadTokenizer, tokenizerBeside, tokenizerFor } from "./tokenizer/load.ts";
import { textEnds } from "./tokenizer/specialTokens.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

export interface SampleOptions extends SamplerOptions {
  /** Text that every sample begins with; `pinned` pins what is to stand elsewhere. */
  readonly prompt?: string;
}

/** Whether the backend is at work. */
export interface BackendStatus {
  /** Whether a forward is running. */
  readonly busy: boolean;
  /** Forward calls that wait for the device, those of other clients included. */
  readonly queued: number;
}

export class Remdm implements AsyncDisposable {
  readonly model: ModelCard;
  readonly runtime: Runtime;
  readonly tokenizer: Tokenizer;
  /** The network itself, for a sampler of your own. */
  readonly denoiser: Denoiser;
  readonly #backend: Backend;

  private constructor(backend: Backend, tokenizer: Tokenizer, rows: RowChoice) {
    this.#backend = backend;
    this.model = backend.ready.model;
    this.runtime = backend.ready.runtime;
    this.tokenizer = tokenizer;
    const top = rows === "auto" ? this.runtime.device.startsWith("cuda") : rows === "top";
    const model = samplerModel(backend.ready, tokenizer);
    this.denoiser = new ZmqDenoiser(backend.transport, model, { top });
  }

  /**
   * Starts a Python process with the network and waits until the checkpoint is loaded: seconds, or minutes
   * for a large one. When that fails, nothing is left of it. End it with `close`, or declare it with `await using`.
   * @throws OptionError, CheckpointError, BackendError, TokenizerError, AbortedError.
   */
  static async launch(options: LaunchOptions = {}): Promise<Remdm> {
    const launch = resolveLaunch(options);
    const python = findPython(launch.python).path;
    const tokenizer =
      (await chosenTokenizer(launch.tokenizer)) ?? (await tokenizerBeside(launch.checkpoint));
    return Remdm.#open(await launchBackend({ ...launch, python }, launch), tokenizer, launch.rows);
  }

  /**
   * Connects to a backend that runs already (`remdm serve`); `close` leaves it running.
   * @throws as {@link launch}; BackendError endpoint_invalid for `tcp://`, backend_timeout when nobody is there.
   */
  static async connect(options: ConnectOptions): Promise<Remdm> {
    const connect = resolveConnect(options);
    const tokenizer = await chosenTokenizer(connect.tokenizer);
    return Remdm.#open(await connectBackend(connect.endpoint, connect), tokenizer, connect.rows);
  }

  static async #open(
    backend: Backend,
    chosen: Tokenizer | undefined,
    rows: RowChoice,
  ): Promise<Remdm> {
    try {
      const { model } = backend.ready;
      const tokenizer = chosen ?? (await tokenizerFor(model));
      checkTokenizer(tokenizer, model);
      return new Remdm(backend, tokenizer, rows);
    } catch (error) {
      await backend.close();
      throw error;
    }
  }

  /**
   * A run, not started yet: iterate it, or await its `result`.
   * @throws OptionError at once, before anything runs.
   */
  sample(options: SampleOptions): SampleRun {
    const { denoiser, tokenizer } = this;
    const pinned = pinPrompt(options, tokenizer, denoiser.model);
    resolveOptions(pinned, denoiser.model);
    return new SampleRun(
      (signal) => sampleEvents(denoiser, { ...pinned, signal }),
      ({ tokens }) => ({
        texts: tokens.map((ids) => tokenizer.decode(ids)),
        entropies: tokens.map(tokenEntropy),
      }),
      pinned.signal,
    );
  }

  /**
   * A sign of life, also while a forward runs.
   * @throws BackendError backend_exited or backend_closed, backend_timeout when it hangs, AbortedError.
   */
  async ping({ signal }: { readonly signal?: AbortSignal } = {}): Promise<BackendStatus> {
    const { busy, queued } = await ping(this.#backend.transport, { signal });
    return { busy, queued };
  }

  /**
   * Running samples end with BackendError backend_closed. Resolves when nothing is left: no process of ours,
   * no socket, no file. Any number of times.
   */
  close(): Promise<void> {
    return this.#backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function chosenTokenizer(
  choice: string | Tokenizer | undefined,
): Promise<Tokenizer | undefined> {
  return typeof choice === "string" ? loadTokenizer(choice) : choice;
}

/** What the sampler must know besides the card: the ends of a text, and what the network's rows are rounded to. */
function samplerModel({ model, runtime }: ReadyReply, tokenizer: Tokenizer) {
  return { ...model, dtype: runtime.dtype, ...textEnds(tokenizer) };
}
