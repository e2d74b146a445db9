/** `Remdm` is the public class: a model that is ready to be sampled from. */
import { connectBackend, ping, type Backend } from "../backend/backend.ts";
import { BackendError } from "../backend/errors.ts";
import { renderChat } from "../backend/renderChat.ts";
import type { ModelCard, ReadyReply, Runtime } from "../backend/wire/protocol.ts";
import { ZmqDenoiser } from "../backend/zmqDenoiser.ts";
import { chosenTokenizer, startLaunch, type Launched } from "./launch.ts";
import { resolveConnect, type ConnectOptions, type LaunchOptions } from "./launchOptions.ts";
import { prepareChat } from "./chat.ts";
import type { ChatOptions } from "./chatOptions.ts";
import { checkDraft, layOutDraft, type Suspect } from "./draft.ts";
import { layOut } from "./fillLayout.ts";
import { readFillText, type FillText } from "./fillText.ts";
import type { GappedText } from "./gapTexts.ts";
import { pinPrompt, preparePrompted } from "./prompt.ts";
import { SampleRun, type ChatResult, type FillResult, type SampleResult } from "./run.ts";
import { RunTexts } from "./runTexts.ts";
import type { SampleOptions } from "./sampleOptions.ts";
import { withNamedTokens } from "./tokenNames.ts";
import {
  checkAbsent,
  checkBoolean,
  checkOptions,
  checkSignal,
  isRecord,
} from "../foundation/checks.ts";
import type { Denoiser } from "../sampler/denoiser.ts";
import { RowPool } from "../sampler/draw/workers/rowPool.ts";
import { OptionError } from "../foundation/errors.ts";
import { readSeed } from "../sampler/prepare.ts";
import { runEvents } from "../sampler/run.ts";
import { checkTokenizer, tokenizerFor } from "../tokenizer/load.ts";
import { textEnds } from "../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The options that a given text decides, and those of texts with an open end. */
const SET_BY_TEXT = [
  "prompt",
  "pinned",
  "start",
  "length",
  "until",
  "stride",
  "strides",
  "blockLength",
] as const satisfies readonly (keyof SampleOptions)[];

export type FillOptions = Omit<SampleOptions, (typeof SET_BY_TEXT)[number]>;

/**
 * The strategy of an edit of an `mdlm` model: it can take back any suspect token at any time, where
 * `remdm-loop` expects the share of masks that its window has.
 */
export const DEFAULT_EDIT_STRATEGY = "remdm-cap";

export interface EditOptions extends FillOptions {
  /** The tokens of the draft that may change. */
  readonly suspect: Suspect;
  /**
   * The time in (1e-5, 1] at which the run begins: a suspect token is masked with this chance, and
   * else stands until the sampler remasks it. 1 redraws all of them.
   */
  readonly t0: number;
}

/** What the backend answers to a ping. */
export interface BackendStatus {
  /** Whether a forward is running. */
  readonly busy: boolean;
  /** Forward calls that wait for the device, other clients' calls included. */
  readonly queued: number;
}

export class Remdm implements AsyncDisposable {
  readonly model: ModelCard;
  readonly runtime: Runtime;
  readonly tokenizer: Tokenizer;
  /** Whether the checkpoint has a chat template, so that `sample` takes `messages`. */
  readonly hasChatTemplate: boolean;
  /** The network itself, for a sampler of your own. */
  readonly denoiser: Denoiser;
  /** The threads that draw rows, for a sampler of your own. */
  readonly rowPool: RowPool;
  readonly #backend: Backend;

  private constructor(
    backend: Backend,
    tokenizer: Tokenizer,
    { rows, workers }: Launched["drawing"],
  ) {
    this.#backend = backend;
    this.model = backend.ready.model;
    this.runtime = backend.ready.runtime;
    this.tokenizer = tokenizer;
    this.hasChatTemplate = backend.ready.chat === true;
    const top = rows === "auto" ? this.runtime.device.startsWith("cuda") : rows === "top";
    const model = samplerModel(backend.ready, tokenizer);
    this.denoiser = new ZmqDenoiser(backend.transport, model, { top });
    this.rowPool = new RowPool({ workers });
  }

  /**
   * Starts a Python process with the network and waits until the checkpoint is loaded: seconds, or
   * minutes for a large one. If that fails, the process is ended. End the process with `close`, or
   * declare the model with `await using`.
   * @throws OptionError, CheckpointError, BackendError, TokenizerError, AbortedError.
   */
  static async launch(options: LaunchOptions = {}): Promise<Remdm> {
    return Remdm.open(await startLaunch(options));
  }

  /**
   * Connects to a backend that runs already (`remdm serve`); `close` leaves it running.
   * @throws as {@link launch}; BackendError endpoint_invalid for `tcp://`, backend_timeout when no
   *   backend answers.
   */
  static async connect(options: ConnectOptions): Promise<Remdm> {
    const connect = resolveConnect(options);
    const tokenizer = await chosenTokenizer(connect.tokenizer);
    const backend = await connectBackend(connect.endpoint, connect);
    return Remdm.open({ backend, tokenizer, drawing: connect });
  }

  /**
   * Makes a model of a backend that answers; where its tokenizer does not fit, the backend is
   * ended. The command line launches the backend before it loads this class.
   * @internal
   */
  static async open({ backend, tokenizer: chosen, drawing }: Launched): Promise<Remdm> {
    try {
      const { model } = backend.ready;
      const tokenizer = chosen ?? (await tokenizerFor(model));
      checkTokenizer(tokenizer, model);
      return new Remdm(backend, tokenizer, drawing);
    } catch (error) {
      await backend.close();
      throw error;
    }
  }

  /**
   * Prepares a run without starting it: iterate the run, or call its `result()`. An error that
   * depends on the tokens of a text ends the run after its start: OptionError for a prompt that is
   * too long or meets a pinned position, or for a text that names a token and is not one;
   * TokenizerError for a text that the tokenizer does not know.
   *
   * With `messages` instead of a prompt, the checkpoint's chat template writes the prompt and the
   * result has `answers`. An error of the template ends the run after its start: BackendError
   * `template_invalid` or `template_failed`. docs/chat.md.
   * @throws OptionError for every other option, at once; BackendError `template_missing` for
   *   messages where the checkpoint has no chat template.
   */
  sample(options: ChatOptions): SampleRun<ChatResult>;
  sample(options?: SampleOptions): SampleRun;
  sample(options: ChatOptions | SampleOptions = {}): SampleRun {
    if (!isChat(options)) {
      refuseOfChat(options);
      return prepareRun(this, options, undefined, (result) => result);
    }
    const run = prepareChat(this, options, (messages, variables, signal) => {
      return renderChat(this.#backend.transport, messages, variables, signal);
    });
    if (this.hasChatTemplate) return run;
    throw new BackendError(
      "template_missing",
      `The model ${this.model.name} has no chat template, so it takes no messages`,
      "Give a prompt, or a model that was trained to chat.",
    );
  }

  /**
   * Prepares a run that fills the gaps of a text, without starting it. The sampler remasks inside
   * the gaps; the text around them stays as it is, to the letter. The run has as many tokens as the
   * text and its gaps, and `steps` is by default one for each of them. docs/fill-and-edit.md.
   * @param text `"The[8] sat on the[4]."`, or its parts: `["The", 8, " sat on the", 4, "."]`.
   * @throws OptionError for an option, for a text without a gap or too long for the model, and for
   *   a part that the tokenizer changes; TokenizerError `tokenizer_unknown` for a part that the
   *   tokenizer does not know.
   */
  async fill(text: FillText, options: FillOptions = {}): Promise<SampleRun<FillResult>> {
    checkSetByText(options, "a fill: its text and gaps say it");
    const parts = readFillText(text);
    const { length, pinned, ...gapped } = await layOut(parts, this.tokenizer, this.denoiser.model);
    return prepareRun(this, { ...options, length, pinned }, gapped, (result, texts): FillResult => {
      return { ...result, gaps: result.tokens.map((tokens) => texts.gapsOf(tokens)) };
    });
  }

  /**
   * Prepares a run that edits a draft, without starting it. Suspect tokens are masked with the
   * chance `t0`, and the run goes on from there; the others are pinned. The text keeps its number
   * of tokens. The default strategy of an `mdlm` model is `remdm-cap`. docs/fill-and-edit.md.
   * @throws OptionError for an option, and for a draft that is too long for the model or that the
   *   tokenizer changes; TokenizerError `tokenizer_unknown`.
   */
  async edit(draft: string, options: EditOptions): Promise<SampleRun> {
    checkSetByText(options, "an edit: its draft says it");
    const { suspect, t0, ...rest } = options;
    checkDraft(draft, suspect, t0);
    const { tokenizer } = this;
    const { model } = this.denoiser;
    const layout = { tokenizer, model, seed: readSeed(rest.seed) };
    const { suspect: tokens, pinned, length } = await layOutDraft(draft, suspect, layout);
    const { kind = "mdlm" } = model;
    if (kind === "ar") {
      throw new OptionError("draft", draft, {
        message: "An ar model edits no drafts: it goes from left to right",
        remedy: "Take a masked model.",
      });
    }
    const given: SampleOptions = {
      ...(kind === "mdlm" && rest.strategy === undefined && { strategy: DEFAULT_EDIT_STRATEGY }),
      ...{ ...rest, length, pinned, start: { tokens, time: t0 } },
    };
    return prepareRun(this, given, undefined, (result) => result);
  }

  /**
   * Asks the backend for a sign of life; it answers while a forward runs too.
   * @throws BackendError backend_exited or backend_closed, backend_timeout when it hangs,
   *   AbortedError.
   */
  async ping(options: { readonly signal?: AbortSignal } = {}): Promise<BackendStatus> {
    checkOptions("ping", options, { signal: true });
    const signal = checkSignal(options.signal);
    const { busy, queued } = await ping(this.#backend.transport, { signal });
    return { busy, queued };
  }

  /**
   * Ends or leaves the backend, and ends the threads that draw rows. Runs under way end with
   * BackendError backend_closed. Resolves when our process, its sockets, its files and the threads
   * are gone. May be called any number of times.
   */
  async close(): Promise<void> {
    await Promise.all([this.#backend.close(), this.rowPool.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function prepareRun<Result extends SampleResult>(
  { denoiser, tokenizer, rowPool }: Pick<Remdm, "denoiser" | "tokenizer" | "rowPool">,
  options: SampleOptions,
  gapped: GappedText | undefined,
  complete: (result: SampleResult, texts: RunTexts) => Result,
): SampleRun<Result> {
  const { model } = denoiser;
  if (!isRecord(options)) throw new OptionError("options", options, "an object");
  const { specialTokens: special = true, ...rest } = options;
  const specialTokens = checkBoolean("specialTokens", special);
  const prompted = preparePrompted(rest, model);
  const texts = new RunTexts(tokenizer, { model, run: prompted.run, specialTokens, gapped });
  const start = async function* (signal: AbortSignal) {
    const pinned = await pinPrompt(prompted, tokenizer, model);
    const named = await withNamedTokens(pinned, prompted.names, tokenizer, model);
    const run = { ...named, signal };
    texts.begin(run);
    return yield* runEvents(denoiser, run, undefined, rowPool);
  };
  const completed = (result: SampleResult): Result => complete(result, texts);
  return new SampleRun({ ...prompted, start, texts, complete: completed });
}

function isChat(options: ChatOptions | SampleOptions): options is ChatOptions {
  return isRecord(options) && options.messages !== undefined;
}

/** @throws OptionError for an option that needs messages. */
function refuseOfChat(options: SampleOptions): void {
  if (!isRecord(options)) return; // it is refused later
  checkAbsent(options, ["answerLength", "templateOptions"], (name) => ({
    allowed: "undefined without messages",
    remedy: name === "answerLength" ? "Give messages, or say `length`." : "Give messages.",
  }));
}

/** @throws OptionError for an option that the text decides. */
function checkSetByText(options: SampleOptions, where: string): void {
  if (!isRecord(options)) throw new OptionError("options", options, "an object");
  checkAbsent(options, SET_BY_TEXT, () => `undefined in ${where}`);
}

/**
 * Adds to the card what else the sampler must know: the tokens that begin and end a text, and the
 * number format that the network's rows are rounded to.
 */
function samplerModel({ model, runtime }: ReadyReply, tokenizer: Tokenizer) {
  return { ...model, dtype: runtime.dtype, ...textEnds(tokenizer) };
}
