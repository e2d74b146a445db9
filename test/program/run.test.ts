import { afterEach, describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { tokenEntropy } from "../../src/evaluation/measures/entropy.ts";
import { SampleRun } from "../../src/program/run.ts";
import { RunTexts, type RunEvent } from "../../src/program/runTexts.ts";
import {
  AbortedError,
  prepare,
  sampleEvents,
  type Denoiser,
  type ForwardRequest,
  type SamplerEvent,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { countedSignal } from "../support/countedSignal.ts";

const MODEL = { vocabSize: 4, maskId: 3, length: 6, timeConditioning: false };

const DIGITS: Tokenizer = {
  name: "digits",
  vocabSize: 3,
  encode: async (text) => Array.from(text, Number),
  decode: (ids) => Array.from(ids).join(""),
};

type Start = ConstructorParameters<typeof SampleRun>[0]["start"];

function runOf(options: SamplerOptions, start: Start): SampleRun {
  const run = prepare(options, MODEL);
  const texts = new RunTexts(DIGITS, { model: MODEL, run, specialTokens: true });
  return new SampleRun({ run, start, texts, complete: (result) => result });
}

/** Says the same of every position; may be told to wait or to fail. */
class FlatDenoiser implements Denoiser {
  readonly model = MODEL;
  calls = 0;
  /** Called before each answer. */
  before: (signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();

  async forward({ rows }: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    this.calls++;
    await this.before(signal);
    return new Float32Array(rows.length * MODEL.vocabSize);
  }
}

function start(signal?: AbortSignal) {
  const denoiser = new FlatDenoiser();
  const options: SamplerOptions = {
    strategy: { kind: "remdm-cap", eta: 0.2 },
    steps: 8,
    samples: 2,
  };
  const run = runOf({ ...options, ...(signal && { signal }) }, (runSignal) =>
    sampleEvents(denoiser, { ...options, signal: runSignal }),
  );
  return { denoiser, run };
}

/** A forward that is answered only by the signal. */
function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new AbortedError(signal.reason)));
  });
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was expected to reject");
    },
    (error: unknown) => error,
  );
}

async function collect(run: SampleRun): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

// An unhandled rejection fails a test of jest 30, once the promise has had the time to be reported.
afterEach(async () => {
  await sleep(5);
});

describe("a run", () => {
  it("does nothing before somebody pulls", async () => {
    const { denoiser } = start();
    await sleep(5);
    expect(denoiser.calls).toBe(0);
  });

  it("gives events, then the result", async () => {
    const { run } = start();
    const events = await collect(run);
    const finished = events.filter((event) => event.type === "finished");
    const { texts, tokens, entropies, stats } = await run.result();
    expect(finished.map(({ sample }) => sample).sort()).toEqual([0, 1]);
    expect(tokens).toHaveLength(2);
    expect(texts).toEqual(tokens.map((ids) => ids.join("")));
    expect(texts[0]).toMatch(/^[012]{6}$/);
    expect(entropies).toEqual(tokens.map(tokenEntropy));
    expect(stats).toMatchObject({ steps: 8, forwardCalls: expect.any(Number) });
    expect(stats.seconds).toBeGreaterThan(0);
    expect(stats.seconds).toBeLessThan(60);
  });

  it("gives the result alone, to all who ask", async () => {
    const { run } = start();
    const [first, second] = await Promise.all([run.result(), run.result()]);
    expect(first).toBe(second);
    expect(first.tokens).toHaveLength(2);
  });

  it("is consumed by the result when that is asked for first: no loop can begin then", async () => {
    const { run } = start();
    const result = run.result();
    expect(() => run[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: "stream_consumed" }),
    );
    expect((await result).tokens).toHaveLength(2);
  });

  it("is driven by the loop when that has begun: the result only waits for it", async () => {
    const { run, denoiser } = start();
    const iterator = run[Symbol.asyncIterator]();
    const result = run.result();
    await sleep(10);
    expect(denoiser.calls).toBe(0);
    while ((await iterator.next()).done !== true) continue;
    expect((await result).tokens).toHaveLength(2);
  });

  it("does nothing until it is consumed, and says what it was prepared with", async () => {
    const { run, denoiser } = start();
    await sleep(10);
    expect(denoiser.calls).toBe(0);
    expect(run.settings).toMatchObject({
      strategy: { kind: "remdm-cap", eta: 0.2 },
      steps: 8,
      topP: 0.9,
      samples: 2,
      seed: 1,
      executor: "events",
      quirks: "original",
      until: "length",
    });
    expect(JSON.parse(JSON.stringify(run.settings))).toEqual(run.settings);
  });

  it("goes at the pace of who iterates", async () => {
    const { run, denoiser } = start();
    for await (const event of run) {
      if (event.type !== "revealed") continue;
      const { calls } = denoiser;
      await sleep(10);
      expect(denoiser.calls).toBe(calls);
    }
  });

  it.each([
    ["twice", async (run: SampleRun) => collect(run)],
    ["while another loop is under way", async (run: SampleRun) => void run[Symbol.asyncIterator]()],
    [
      "after `result` drained it",
      async (run: SampleRun) => {
        await run.result();
      },
    ],
  ])("cannot be iterated %s", async (_, before) => {
    const { run } = start();
    await before(run);
    expect(() => run[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ name: "RemdmError", code: "stream_consumed" }),
    );
  });

  it("ends once: further pulls give done", async () => {
    const { run } = start();
    const iterator = run[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true) continue;
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect((await run.result()).tokens).toHaveLength(2);
  });

  it("does not fail when it is aborted after its end", async () => {
    const { run } = start();
    await collect(run);
    run.abort();
    expect((await run.result()).tokens).toHaveLength(2);
  });
});

describe("leaving the loop", () => {
  it("cancels the work, and the result rejects, which nobody has to look at", async () => {
    const { run, denoiser } = start();
    for await (const event of run) if (event.type === "revealed") break;
    const { calls } = denoiser;
    await sleep(10);
    expect(denoiser.calls).toBe(calls);
    expect(await rejection(run.result())).toMatchObject({ code: "aborted" });
  });

  it("is reported to a result that was asked for before", async () => {
    const { run } = start();
    const results: Promise<unknown>[] = [];
    for await (const event of run) {
      results.push(rejection(run.result()));
      if (event.type === "revealed") break;
    }
    for (const result of results) expect(await result).toBeInstanceOf(AbortedError);
  });

  it("by an error in its body is the same, and the error goes on", async () => {
    const { run } = start();
    const bodyError = new Error("of the body");
    const loop = (async () => {
      for await (const event of run) if (event.type === "revealed") throw bodyError;
    })();
    expect(await rejection(loop)).toBe(bodyError);
    expect(await rejection(run.result())).toMatchObject({ code: "aborted" });
  });

  it("works before the first event, and while one is waited for", async () => {
    const first = start();
    await first.run[Symbol.asyncIterator]().return?.();
    expect(await rejection(first.run.result())).toMatchObject({ code: "aborted" });
    expect(first.denoiser.calls).toBe(0);

    const second = start();
    second.denoiser.before = untilAborted;
    const iterator = second.run[Symbol.asyncIterator]();
    const waiting = rejection(iterator.next());
    await sleep(5);
    await iterator.return?.();
    expect(await waiting).toMatchObject({ code: "aborted" });
  });

  it("runs the sampler's own clean-up", async () => {
    let cleaned = false;
    async function* endless(): AsyncGenerator<SamplerEvent, never, void> {
      try {
        for (;;)
          yield {
            type: "finished",
            sample: 0,
            tokens: [0],
            finishReason: "length",
            forwardCalls: 1,
          };
      } finally {
        cleaned = true;
      }
    }
    const run = runOf({}, endless);
    for await (const event of run) if (event.type === "finished") break;
    expect(cleaned).toBe(true);
  });
});

describe("aborting", () => {
  it("rejects a result that is under way, at once", async () => {
    const { run, denoiser } = start();
    denoiser.before = untilAborted;
    const result = rejection(run.result());
    while (denoiser.calls === 0) await sleep(1);
    run.abort("enough");
    expect(await result).toMatchObject({ name: "AbortedError", cause: "enough" });
  });

  it("rejects the event that is waited for", async () => {
    const { run, denoiser } = start();
    denoiser.before = untilAborted;
    const events = rejection(collect(run));
    while (denoiser.calls === 0) await sleep(1);
    run.abort();
    expect(await events).toMatchObject({ code: "aborted" });
    expect(await rejection(run.result())).toMatchObject({ code: "aborted" });
  });

  it("between two events ends the loop with AbortedError", async () => {
    const { run } = start();
    const loop = (async () => {
      for await (const event of run) if (event.type === "revealed") run.abort();
    })();
    expect(await rejection(loop)).toMatchObject({ code: "aborted" });
  });

  it("before anything runs keeps it from running", async () => {
    const { run, denoiser } = start();
    run.abort();
    expect(await rejection(run.result())).toMatchObject({ code: "aborted" });
    expect(await rejection(collect(start(AbortSignal.abort()).run))).toMatchObject({
      code: "aborted",
    });
    await sleep(5);
    expect(denoiser.calls).toBe(0);
  });

  it("is what the caller's signal does, with its reason", async () => {
    const controller = new AbortController();
    const { run, denoiser } = start(controller.signal);
    denoiser.before = untilAborted;
    const result = rejection(run.result());
    while (denoiser.calls === 0) await sleep(1);
    controller.abort("time is up");
    expect(await result).toMatchObject({ code: "aborted", cause: "time is up" });
  });

  it("leaves no listener on the caller's signal, whether the run ends well or not", async () => {
    const { signal, listeners } = countedSignal();
    await start(signal).run.result();
    for await (const event of start(signal).run) if (event.type === "revealed") break;
    const failing = start(signal);
    failing.denoiser.before = () => Promise.reject(new Error("network"));
    await rejection(failing.run.result());
    expect(listeners()).toBe(0);
  });
});

describe("a failure of the denoiser", () => {
  const failure = new Error("network");
  function failing() {
    const one = start();
    one.denoiser.before = () => Promise.reject(failure);
    return one.run;
  }

  it("reaches the loop; a result that nobody looks at does not end the process", async () => {
    expect(await rejection(collect(failing()))).toBe(failure);
  });

  it("reaches the result", async () => {
    expect(await rejection(failing().result())).toBe(failure);
  });

  it("reaches both, also when the result was asked for meanwhile and is dropped", async () => {
    const run = failing();
    const iterator = run[Symbol.asyncIterator]();
    void run.result();
    expect(await rejection(iterator.next())).toBe(failure);
    expect(await rejection(run.result())).toBe(failure);
  });
});
