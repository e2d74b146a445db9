/** The public class: a model that is ready to be sampled from. */
import { connectBackend, launchBackend, ping, type Backend } from "../backend/backend.ts";
import type { ModelCard, ReadyReply, Runtime } from "../backend/wire/protocol.ts";
import { findPython } from "../backend/process/python.ts";
import { ZmqDenoiser } from "../backend/zmqDenoiser.ts";
import {
  resolveConnect,
  resolveLaunch,
  type ConnectOptions,
  type LaunchOptions,
  type RowChoice,
} from "./launchOptions.ts";
import { checkPrompted, pinPrompt } from "./prompt.ts";
import { SampleRun } from "./run.ts";
import { RunTexts } from "./runTexts.ts";
import { checkBoolean, checkOptions, checkSignal, isRecord } from "../foundation/checks.ts";
import type { Denoiser } from "../sampler/denoiser.ts";
import { OptionError } from "../foundation/errors.ts";
import type { SamplerEvent, SamplerOptions, SamplerOutcome } from "../sampler/events.ts";
import { resolveOptions } from "../sampler/options.ts";
import { sampleEvents } from "../sampler/run.ts";
import { checkTokenizer, loadTokenizer, tokenizerBeside, tokenizerFor } from "../tokenizer/load.ts";
import { textEnds } from "../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export interface SampleOptions extends SamplerOptions {
  /**
   * Text that every sample begins with; `pinned` pins what is to stand elsewhere. A mask in it, as a tokenizer that has one writes
   * it (`a [MASK] b`), leaves that position to the model.
   */
  readonly prompt?: string;
  /** Whether special tokens (what begins, ends or pads a text) are part of `texts` and of the pieces. Default true. */
  readonly specialTokens?: boolean;
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
   * A run, not started yet: iterate it, or await its `result`. What depends on the prompt's tokens is found when it starts, and ends the run: OptionError for a
   * prompt that is too long or meets a pinned position, TokenizerError for one that the tokenizer does not know.
   * @throws OptionError for every other option, at once.
   */
  sample(options: SampleOptions): SampleRun {
    const { denoiser, tokenizer } = this;
    const { model } = denoiser;
    if (!isRecord(options)) throw new OptionError("options", options, "an object");
    const { specialTokens: special = true, ...rest } = options;
    const specialTokens = checkBoolean("specialTokens", special);
    const texts = new RunTexts(tokenizer, {
      model,
      options: checkPrompted(rest, model),
      specialTokens,
    });
    const own = withOwnPins(rest);
    return new SampleRun(
      (signal) => promptedEvents(denoiser, tokenizer, { ...own, signal }, texts),
      texts,
      checkSignal(rest.signal),
    );
  }

  /**
   * A sign of life, also while a forward runs.
   * @throws BackendError backend_exited or backend_closed, backend_timeout when it hangs, AbortedError.
   */
  async ping(options: { readonly signal?: AbortSignal } = {}): Promise<BackendStatus> {
    checkOptions("ping", options, { signal: true });
    const signal = checkSignal(options.signal);
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

/** The run reads them again when it starts, and what the caller changes meanwhile is not to count. */
function withOwnPins({ pinned, ...rest }: SampleOptions): SampleOptions {
  return pinned === undefined ? rest : { ...rest, pinned: new Map(pinned) };
}

async function* promptedEvents(
  denoiser: Denoiser,
  tokenizer: Tokenizer,
  options: SampleOptions,
  texts: RunTexts,
): AsyncGenerator<SamplerEvent, SamplerOutcome, void> {
  const pinned = await pinPrompt(options, tokenizer, denoiser.model);
  texts.begin(resolveOptions(pinned, denoiser.model));
  return yield* sampleEvents(denoiser, pinned);
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
