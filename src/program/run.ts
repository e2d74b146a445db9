/** One run of the sampler: a stream of events, a result, or both. */
import { setImmediate as onNextTurn } from "node:timers";
import { onAbort } from "../foundation/onAbort.ts";
import type { RunEvent, RunTexts } from "./runTexts.ts";
import type {
  FinishReason,
  SamplerEvent,
  SamplerOutcome,
  SamplerStats,
} from "../sampler/events.ts";
import { AbortedError, RemdmError } from "../foundation/errors.ts";

export interface RunStats extends SamplerStats {
  /** Wall-clock seconds from the first event asked for to the last, the time of whoever iterates included. */
  readonly seconds: number;
}

export interface SampleResult {
  /** One text a sample, in order; with the special tokens unless `specialTokens` leaves them out. */
  readonly texts: readonly string[];
  /** [L] token ids of each sample; fewer where `until` cut the text. */
  readonly tokens: readonly (readonly number[])[];
  /** Why each text ends. */
  readonly finishReasons: readonly FinishReason[];
  /** Entropy in nats of each sample's own tokens, as the paper reports it: of those in `tokens`. */
  readonly entropies: readonly number[];
  readonly stats: RunStats;
}

type Events = AsyncGenerator<SamplerEvent, SamplerOutcome, void>;

/**
 * Nothing runs before somebody pulls. `for await (const event of run)` pulls one event at a time, and
 * leaving the loop cancels the work. Without a loop, `await run.result` pulls to the end.
 */
export class SampleRun implements AsyncIterable<RunEvent> {
  readonly #events: Events;
  readonly #texts: RunTexts;
  readonly #signal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #result = deferred<SampleResult>();
  #consumer: "none" | "result" | "iterator" = "none";
  #settled = false;
  #aborted: AbortedError | undefined;
  #startedAt: number | undefined;
  #release: (() => void) | undefined;

  /**
   * @param start the sampler; the signal that it is given fires when the run is aborted in whichever way.
   * @param texts makes text of what it says.
   */
  constructor(start: (signal: AbortSignal) => Events, texts: RunTexts, signal?: AbortSignal) {
    this.#events = start(this.#controller.signal);
    this.#texts = texts;
    this.#signal = signal;
  }

  /**
   * Settles when the run is over; rejects with what ended it. Reading this starts the run, unless a loop
   * over its events begins in the same turn of the event loop: then the loop drives it.
   */
  get result(): Promise<SampleResult> {
    if (this.#consumer === "none") onNextTurn(() => void this.#drain());
    return this.#result.promise;
  }

  /**
   * [L] the text of a sample as it stands, one piece for each position, `▒` for a mask. Before it begins, what is given:
   * `pinned`, and the prompt once the run has begun.
   * @param sample its number, from `firstSample` on; left out, what every sample begins with.
   * @throws OptionError for a sample that the run has not.
   */
  pieces(sample?: number): readonly string[] {
    return this.#texts.pieces(sample);
  }

  /** The run ends with AbortedError; so does a loop over its events. Nothing happens when it is over. */
  abort(reason?: unknown): void {
    if (this.#settled) return;
    this.#aborted = new AbortedError(reason);
    this.#fail(this.#aborted);
    this.#controller.abort(reason);
  }

  /** @throws RemdmError stream_consumed when the events were asked for before, here or by `result`. */
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
            "Loop over a run once, before or instead of awaiting `result`; sample again for more.",
        },
      );
    }
    this.#consumer = consumer;
  }

  /** On behalf of `result`, unless somebody iterates by now. */
  async #drain(): Promise<void> {
    if (this.#consumer !== "none") return;
    this.#take("result");
    try {
      for (let next = await this.#next(); next.done !== true; next = await this.#next()) {
        this.#texts.note(next.value);
      }
    } catch (error) {
      this.#fail(error); // who waits for `result` gets it there
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

  /** From here on, and until it is settled, the run listens to the caller's signal. @returns the time. */
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
    this.#settle();
    this.#result.resolve(result);
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    // Whoever iterates, or aborts, knows; a `result` that nobody looks at must not end the process then.
    const isKnown = this.#consumer !== "result" || error instanceof AbortedError;
    if (isKnown) this.#result.promise.catch(() => undefined);
    this.#result.reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#release?.();
  }
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
