/** One run of the sampler: a stream of events, a result, or both. */
import { setImmediate as onNextTurn } from "node:timers";
import { onAbort } from "./onAbort.ts";
import type { SamplerEvent, SamplerOutcome, SamplerStats } from "./sampler/events.ts";
import { AbortedError, RemdmError } from "./sampler/errors.ts";

export interface RunStats extends SamplerStats {
  /** Wall-clock seconds from the first event asked for to the last, the time of whoever iterates included. */
  readonly seconds: number;
}

export interface SampleResult {
  /** One text a sample, in order; special tokens are kept. */
  readonly texts: readonly string[];
  /** One [L] array of token ids a sample. */
  readonly tokens: readonly Int32Array[];
  /** Entropy in nats of each sample's own tokens, as the paper reports it. */
  readonly entropies: readonly number[];
  readonly stats: RunStats;
}

type Events = AsyncGenerator<SamplerEvent, SamplerOutcome, void>;
/** What {@link SampleResult} has beyond the sampler's outcome. */
type Reading = Pick<SampleResult, "texts" | "entropies">;

/**
 * Nothing runs before somebody pulls. `for await (const event of run)` pulls one event at a time, and
 * leaving the loop cancels the work. Without a loop, `await run.result` pulls to the end.
 */
export class SampleRun implements AsyncIterable<SamplerEvent> {
  readonly #events: Events;
  readonly #read: (outcome: SamplerOutcome) => Reading;
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
   * @param read makes texts and entropies from its outcome.
   */
  constructor(
    start: (signal: AbortSignal) => Events,
    read: (outcome: SamplerOutcome) => Reading,
    signal?: AbortSignal,
  ) {
    this.#events = start(this.#controller.signal);
    this.#read = read;
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

  /** The run ends with AbortedError; so does a loop over its events. Nothing happens when it is over. */
  abort(reason?: unknown): void {
    if (this.#settled) return;
    this.#aborted = new AbortedError(reason);
    this.#fail(this.#aborted);
    this.#controller.abort(reason);
  }

  /** @throws RemdmError stream_consumed when the events were asked for before, here or by `result`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SamplerEvent, void, void> {
    this.#take("iterator");
    const iterator = {
      next: () => this.#next(),
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
      let next = await this.#next();
      while (next.done !== true) next = await this.#next();
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
    const { tokens, stats } = outcome;
    const result = { ...this.#read(outcome), tokens, stats: { ...stats, seconds } };
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
