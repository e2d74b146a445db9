/**
 * What runs and calls do with the signal of their caller: they listen only while they run, and together only once.
 * That Node has nothing to warn of then is tested in a process of its own, in `backend/runtimes.test.ts`.
 */
import { describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { rejectOn } from "../../src/backend/connection/rejectOn.ts";
import { onAbort } from "../../src/foundation/onAbort.ts";
import { SampleRun } from "../../src/program/run.ts";
import { RunTexts } from "../../src/program/runTexts.ts";
import { AbortedError, prepare, sampleEvents, type Denoiser } from "../../src/sampler/index.ts";
import { countedSignal } from "../support/countedSignal.ts";

const TOKENIZER = { name: "t", vocabSize: 3, encode: async () => [], decode: () => "" };
const MODEL = { vocabSize: 4, maskId: 3, length: 6, timeConditioning: false };

/** @param answers whether the network answers; if not, only the run's end does. */
function makeRun(signal: AbortSignal, answers = true): SampleRun {
  const denoiser: Denoiser = {
    model: MODEL,
    forward: ({ rows }, runSignal) =>
      answers
        ? Promise.resolve(new Float32Array(rows.length * MODEL.vocabSize))
        : new Promise((_, reject) => {
            runSignal?.addEventListener("abort", () => reject(new AbortedError(runSignal.reason)));
          }),
  };
  const options = { strategy: { kind: "mdlm" }, steps: 4 } as const;
  const run = prepare({ ...options, signal }, MODEL);
  return new SampleRun({
    run,
    start: (runSignal) => sampleEvents(denoiser, { ...options, signal: runSignal }),
    texts: new RunTexts(TOKENIZER, { model: MODEL, run, specialTokens: true }),
    complete: (result) => result,
  });
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe("a run", () => {
  it("that was never started listens to nothing", () => {
    const { signal, listeners } = countedSignal();
    const runs = Array.from({ length: 40 }, () => makeRun(signal));
    expect(runs).toHaveLength(40);
    expect(listeners()).toBe(0);
  });

  it("ends when it is started after its signal fired, the network unasked", async () => {
    const controller = new AbortController();
    const runs = [0, 1].map(() => makeRun(controller.signal, false));
    controller.abort("too late");
    expect(await codeOf(runs[0].result())).toBe("aborted");
    expect(await codeOf(runs[1][Symbol.asyncIterator]().next())).toBe("aborted");
  });

  it("is one of 40 on a signal: one listener while they run, and none after", async () => {
    const { signal, listeners } = countedSignal();
    const runs = Array.from({ length: 40 }, () => makeRun(signal));
    const iterators = runs.map((run) => run[Symbol.asyncIterator]());
    await Promise.all(iterators.map((iterator) => iterator.next()));
    expect(listeners()).toBe(1);
    for (const iterator of iterators) {
      for (let next = await iterator.next(); next.done !== true;) next = await iterator.next();
    }
    expect(listeners()).toBe(0);
  });

  it("is one of 40 that a signal ends", async () => {
    const controller = new AbortController();
    const codes = Array.from({ length: 40 }, () =>
      codeOf(makeRun(controller.signal, false).result()),
    );
    await sleep(20);
    controller.abort();
    expect(new Set(await Promise.all(codes))).toEqual(new Set(["aborted"]));
  });
});

describe("calls to a backend", () => {
  it("share one listener too", async () => {
    const { signal, listeners } = countedSignal();
    const releases = Array.from({ length: 40 }, () => rejectOn({ signal }, () => undefined));
    expect(listeners()).toBe(1);
    for (const release of releases) release();
    expect(listeners()).toBe(0);
  });
});

describe("onAbort", () => {
  it("calls each once, those alone that were not taken back, and one that is there twice twice", () => {
    const controller = new AbortController();
    const called: string[] = [];
    const twice = (): void => {
      called.push("twice");
    };
    onAbort(controller.signal, twice);
    const release = onAbort(controller.signal, () => called.push("released"));
    onAbort(controller.signal, twice);
    release();
    release();
    controller.abort();
    expect(called).toEqual(["twice", "twice"]);
  });

  it("listens anew after the last was taken back", () => {
    const controller = new AbortController();
    onAbort(controller.signal, () => undefined)();
    let calls = 0;
    onAbort(controller.signal, () => calls++);
    controller.abort();
    expect(calls).toBe(1);
  });
});
