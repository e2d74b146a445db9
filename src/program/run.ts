/** `SampleRun` is one run of the sampler: a stream of events, a result, or both. */
import { onAbort } from "../foundation/onAbort.ts";
import type { RunEvent, RunTexts } from "./runTexts.ts";
import type { NamedTokens, TokenName } from "./tokenNames.ts";
import type {
  FinishReason,
  GuidedSample,
  SamplerEvent,
  SamplerOutcome,
  SamplerStats,
} from "../sampler/events.ts";
import type { GuideOptions, PreparedGuide } from "../sampler/guide.ts";
import { isDense } from "../sampler/loopPlan.ts";
import type { PreparedRun } from "../sampler/prepare.ts";
import { AbortedError, RemdmError } from "../foundation/errors.ts";

export interface RunStats extends SamplerStats {
  /**
   * Wall-clock seconds from the first event asked for to the last, including the time that the
   * caller's loop takes.
   */
  readonly seconds: number;
}

export interface SampleResult {
  /** One text for each sample, in order; without the special tokens if `specialTokens` is false. */
  readonly texts: readonly string[];
  /** [L] token ids of each sample; fewer where `until` cut the text. */
  readonly tokens: readonly (readonly number[])[];
  /** Why each text ends. */
  readonly finishReasons: readonly FinishReason[];
  /** Entropy in nats of each sample's `tokens`, as the paper reports it. */
  readonly entropies: readonly number[];
  /** In a guided run: how each sample was chosen. */
  readonly guided?: readonly GuidedSample[];
  readonly stats: RunStats;
}

/** The result of a run that fills gaps. */
export interface FillResult extends SampleResult {
  /**
   * The text of each gap of each sample. A character whose bytes lie in two gaps is in the second
   * one.
   */
  readonly gaps: readonly (readonly string[])[];
}

/** The result of a run that answers messages. */
export interface ChatResult extends SampleResult {
  /**
   * The answer of each sample: what follows the messages, without special tokens, cut before the
   * first token that ends an answer.
   */
  readonly answers: readonly string[];
}

/** The settings that a run was prepared with, defaults included. */
export interface RunSettings extends Pick<
  PreparedRun,
  | "strategy"
  | "steps"
  | "topP"
  | "temperature"
  | "topK"
  | "guidance"
  | "samples"
  | "firstSample"
  | "batchSize"
  | "length"
  | "noise"
  | "quirks"
  | "stride"
  | "strides"
  | "blockLength"
> {
  readonly executor: "events" | "dense";
  /** As the caller named them: by ids, or by texts. */
  readonly banned: readonly TokenName[];
  readonly suppressed: readonly TokenName[];
  readonly until: FinishReason;
  /** In a guided run: the guide without its reward, which JSON does not have. */
  readonly guide?: GuideSettings;
  /** A bigint from 2^53 on, which JSON does not have. */
  readonly seed: number | bigint;
}

/** The options of a guide as they are in JSON. */
export type GuideSettings = Omit<GuideOptions, "reward">;

export interface SampleRunParts<Result extends SampleResult> {
  readonly run: PreparedRun;
  /** Tokens as the caller named them; `run` has those that were named by ids. */
  readonly names?: NamedTokens;
  /** Starts the sampler. The signal that it receives fires when the run is aborted in any way. */
  readonly start: (signal: AbortSignal) => Events;
  /** Turns the sampler's events into text. */
  readonly texts: RunTexts;
  /** Adds what only this kind of run has to its result. */
  readonly complete: (result: SampleResult) => Result;
  /** Returns the run as it began, where its length is known only then; before, `run`. */
  readonly begun?: () => PreparedRun;
}

type Events = AsyncGenerator<SamplerEvent, SamplerOutcome, void>;

/**
 * A run is consumed once, and does no work before that: `for await (const event of run)` pulls one
 * event at a time, and leaving the loop cancels the work; `await run.result()` pulls to the end.
 */
export class SampleRun<
  Result extends SampleResult = SampleResult,
> implements AsyncIterable<RunEvent> {
  readonly #settings: () => RunSettings;
  readonly #events: Events;
  readonly #texts: RunTexts;
  readonly #signal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #result: Promise<Result>;
  readonly #resolve: (result: SampleResult) => void;
  readonly #reject: (reason: unknown) => void;
  #consumer: "none" | "result" | "iterator" = "none";
  #settled = false;
  #aborted: AbortedError | undefined;
  #startedAt: number | undefined;
  #release: (() => void) | undefined;

  constructor({ run, names = {}, start, texts, complete, begun }: SampleRunParts<Result>) {
    this.#settings = () => settingsOf(begun?.() ?? run, names);
    this.#events = start(this.#controller.signal);
    this.#texts = texts;
    this.#signal = run.signal;
    const { promise, resolve, reject } = deferred<Result>();
    this.#result = promise;
    this.#resolve = (result) => {
      resolve(complete(result));
    };
    this.#reject = reject;
  }

  /**
   * The settings of the run, defaults included. A run that answers messages has their tokens in its
   * `length` once it has begun; before, `length` is that of the answer.
   */
  get settings(): RunSettings {
    return this.#settings();
  }

  /**
   * Runs to the end, unless a loop over the run's events has begun: then that loop drives the run.
   * May be called any number of times.
   * @returns the result when the run is over.
   * @throws what ended the run.
   */
  result(): Promise<Result> {
    if (this.#consumer === "none") void this.#drain();
    return this.#result;
  }

  /**
   * Returns the text of a sample as it stands: [L] one piece for each position, `▒` for a mask.
   * Before the sample begins these are its given tokens: `pinned`, and the prompt once the run has
   * begun.
   * @param sample its number, counted from `firstSample`; left out: what every sample begins with.
   * @throws OptionError for a sample that the run does not have.
   */
  pieces(sample?: number): readonly string[] {
    return this.#texts.pieces(sample);
  }

  /**
   * Ends the run with AbortedError, and a loop over its events too. Does nothing when the run is
   * over.
   */
  abort(reason?: unknown): void {
    if (this.#settled) return;
    this.#aborted = new AbortedError(reason);
    this.#fail(this.#aborted);
    this.#controller.abort(reason);
  }

  /**
   * @throws RemdmError stream_consumed when the events were asked for before, by a loop or by
   *   `result`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<RunEvent, void, void> {
    this.#take("iterator");
    const iterator = {
      next: async (): Promise<IteratorResult<RunEvent, void>> => {
        const { done, value } = await this.#next();
        return done === true
          ? { done, value: undefined }
          : { done: false, value: this.#texts.tell(value) };
      },
      return: async () => {
        this.abort();
        await this.#leave();
        return { done: true as const, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #take(consumer: "result" | "iterator"): void {
    if (this.#consumer !== "none") {
      throw new RemdmError(
        `The events of this run were consumed by its ${this.#consumer} already`,
        {
          code: "stream_consumed",
          remedy:
            "Loop over a run once, before or instead of calling `result()`; sample again for more.",
        },
      );
    }
    this.#consumer = consumer;
  }

  /** Pulls all events on behalf of `result`. */
  async #drain(): Promise<void> {
    this.#take("result");
    try {
      for (let next = await this.#next(); next.done !== true; next = await this.#next()) {
        this.#texts.note(next.value);
      }
    } catch (error) {
      this.#fail(error); // whoever waits for `result` gets it there
    }
  }

  async #next(): Promise<IteratorResult<SamplerEvent, void>> {
    this.#startedAt ??= this.#start();
    try {
      // Thrown into the sampler where it stands, so that its own clean-up runs.
      const next = await (this.#aborted === undefined
        ? this.#events.next()
        : this.#events.throw(this.#aborted));
      if (next.done !== true) return next;
      // A generator that has ended gives an outcome once only.
      if (!this.#settled) this.#succeed(next.value, this.#startedAt);
      return { done: true, value: undefined };
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Starts to listen to the caller's signal, until the run is settled. @returns the time. */
  #start(): number {
    const signal = this.#signal;
    if (signal?.aborted) this.abort(signal.reason);
    if (signal && !this.#settled) {
      this.#release = onAbort(signal, () => {
        this.abort(signal.reason);
      });
    }
    return performance.now();
  }

  /** Ends the sampler where it stands, so that its own clean-up runs. */
  async #leave(): Promise<void> {
    const reason = new AbortedError();
    try {
      await this.#events.throw(reason);
    } catch (error) {
      if (error !== reason) throw error;
    }
  }

  #succeed(outcome: SamplerOutcome, startedAt: number): void {
    const seconds = (performance.now() - startedAt) / 1000;
    const { stats, ...samples } = outcome;
    const result = { ...samples, ...this.#texts.read(outcome), stats: { ...stats, seconds } };
    this.#resolve(result);
    this.#settle();
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    // A caller that iterates or aborts sees the error there; a `result` that is never looked at
    // must not end the process then.
    const isKnown = this.#consumer !== "result" || error instanceof AbortedError;
    if (isKnown) this.#result.catch(() => undefined);
    this.#reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#release?.();
  }
}

function settingsOf(run: PreparedRun, names: NamedTokens): RunSettings {
  const { strategy, steps, topP, temperature, topK, samples, firstSample, batchSize } = run;
  const { length, noise, quirks, loop, stride, strides, blockLength } = run;
  const { endIds, seed, guidance, guide } = run;
  const { banned = [...run.banned], suppressed = [...run.suppressed] } = names;
  return {
    ...{ strategy, steps, topP, temperature, topK, samples, firstSample, batchSize, length },
    ...{ noise, quirks, stride, strides, blockLength, guidance, banned, suppressed },
    executor: isDense(loop) ? "dense" : "events",
    until: endIds.length === 0 ? "length" : "end",
    ...(guide !== undefined && { guide: guideSettings(guide) }),
    seed: seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed,
  };
}

function guideSettings({ reward: _, ...settings }: PreparedGuide): GuideSettings {
  return settings;
}

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
