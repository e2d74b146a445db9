/** Calls that are under way while others are drawn, and calls about states that may never come. */
import { describe, expect, it } from "@jest/globals";
import { BackendError } from "../../../../src/backend/errors.ts";
import {
  sample,
  sampleEvents,
  type Denoiser,
  type ForwardRequest,
} from "../../../../src/sampler/index.ts";
import { isAsAsked } from "../../../../src/sampler/loops/lookahead/planStates.ts";
import {
  TableDenoiser,
  longLogits,
  tableLogits,
  type Logits,
} from "../../support/tableDenoiser.ts";

const LENGTH = 16;
const steady: Logits = (_, __, position) => tableLogits([], 0, position).map((logit) => 3 * logit);

/** Sure enough to be asked ahead, and often wrong. */
const unsteady: Logits = (tokens, sigma, position) => {
  const own = steady([], 0, position);
  return longLogits(tokens, sigma, position).map((logit, token) => own[token] + logit);
};

/** A denoiser that says how many of its calls are under way, and takes a while for each. */
function slow(answer: (request: ForwardRequest, signal?: AbortSignal) => Promise<Float32Array>) {
  const seen = { underWay: 0, most: 0, calls: 0, aborted: 0 };
  const { model } = new TableDenoiser(LENGTH, {}, longLogits);
  const denoiser: Denoiser = {
    model,
    forward: async (request, signal) => {
      seen.calls++;
      seen.most = Math.max(seen.most, ++seen.underWay);
      signal?.addEventListener("abort", () => seen.aborted++);
      try {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return await answer(request, signal);
      } finally {
        seen.underWay--;
      }
    },
  };
  return { denoiser, seen };
}

const table = new TableDenoiser(LENGTH, {}, longLogits);

describe("with more samples than a call takes", () => {
  const run = { strategy: "remdm-cap", steps: 12, samples: 6, batchSize: 2, window: 1 } as const;

  it("one call is computed while the answer of another is drawn, with the same tokens", async () => {
    const { denoiser, seen } = slow((request) => table.forward(request));
    const { tokens } = await sample(denoiser, run);
    expect(seen.most).toBe(2);
    expect(tokens).toEqual((await sample(table, { ...run, batchSize: 6 })).tokens);
  });

  it("leaving the run ends the call that is under way, and waits for its end", async () => {
    const { denoiser, seen } = slow((request) => table.forward(request));
    for await (const event of sampleEvents(denoiser, run)) {
      if (event.type === "revealed") break;
    }
    expect(seen.underWay).toBe(0);
    expect(seen.aborted).toBeGreaterThan(0);
    const { calls } = seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.calls).toBe(calls);
  });

  it("an error of a call ends the run with it, and with the other call", async () => {
    let answers = 0;
    const { denoiser, seen } = slow(async (request) => {
      if (++answers === 4) throw new Error("no more");
      return table.forward(request);
    });
    await expect(sample(denoiser, run)).rejects.toThrow("no more");
    expect(seen.underWay).toBe(0);
  });
});

it("one call at a time is under way where one takes all samples", async () => {
  const { denoiser, seen } = slow((request) => table.forward(request));
  await sample(denoiser, { strategy: "remdm-cap", steps: 12, samples: 2, window: 4 });
  expect(seen.most).toBe(1);
});

it("an abort drops what was asked ahead", async () => {
  const stop = new AbortController();
  const network = new TableDenoiser(LENGTH, {}, steady);
  const { denoiser, seen } = slow((request) => {
    if (request.batch > 1) stop.abort();
    return network.forward(request);
  });
  const run = sample(denoiser, { strategy: "mdlm", steps: 90, window: 8, signal: stop.signal });
  await expect(run).rejects.toMatchObject({ code: "aborted" });
  expect(seen.underWay).toBe(0);
});

it("a call that is too much for the network is asked again without what was ahead", async () => {
  const network = new TableDenoiser(LENGTH, {}, steady);
  const sizes: number[] = [];
  const { denoiser } = slow((request) => {
    sizes.push(request.batch);
    if (request.batch > 2) {
      throw new BackendError("out_of_memory", "There is no room for that", "Ask for less.");
    }
    return network.forward(request);
  });
  const run = { strategy: "mdlm", steps: 90 } as const;
  const { tokens } = await sample(denoiser, { ...run, window: 8 });
  expect(tokens).toEqual((await sample(network, run)).tokens);
  expect(sizes.filter((size) => size > 2)).toHaveLength(1);
  expect(sizes[sizes.length - 1]).toBe(1);
});

it("a guessed state without a distribution is no error: no sample comes to it", async () => {
  const fair = new TableDenoiser(LENGTH, {}, unsteady);
  const run = { strategy: "remdm-cap", steps: 90, seed: 4, samples: 4, batchSize: 12 } as const;
  const visited = new Set<string>();
  const noted = slow((request) => {
    for (let b = 0; b < request.batch; b++) {
      const state = request.tokens.subarray(b * LENGTH, (b + 1) * LENGTH);
      visited.add([...state, request.sigma[b]].join());
    }
    return fair.forward(request);
  });
  const { tokens } = await sample(noted.denoiser, { ...run, window: 1 });
  let strange = 0;
  const { denoiser } = slow(async (request) => {
    const { batch, length, sigma, rows } = request;
    const logits = await fair.forward(request);
    const V = fair.model.vocabSize;
    const isTrue = Array.from({ length: batch }, (_, b) => {
      const state = request.tokens.subarray(b * length, (b + 1) * length);
      return visited.has([...state, sigma[b]].join());
    });
    rows.forEach((row, n) => {
      if (isTrue[Math.floor(row / length)]) return;
      strange++;
      logits.fill(NaN, n * V, (n + 1) * V);
    });
    return logits;
  });
  expect((await sample(denoiser, { ...run, window: 8 })).tokens).toEqual(tokens);
  expect(strange).toBeGreaterThan(0);
});

it("a state is taken for the one asked about only if everything about it agrees", () => {
  const tokens = Int32Array.of(1, 2, 1, 1);
  const question = (changed: object, state: object = {}, window: object = {}) =>
    ({
      changes: { reveals: Int32Array.of(2), remasks: new Int32Array(0) },
      time: 0.5,
      ...changed,
      state: { step: 7, ...state, window: { tokens, offset: 0, ...window } },
    }) as never;
  const asked = {
    tokens: tokens.slice(),
    offset: 0,
    end: 4,
    step: 7,
    time: 0.5,
    depth: 1,
    rows: [2, 3],
  };
  expect(isAsAsked(question({}), asked)).toBe(true);
  expect(isAsAsked(question({ time: 0.4 }), asked)).toBe(false);
  expect(isAsAsked(question({}, { step: 8 }), asked)).toBe(false);
  expect(isAsAsked(question({}, {}, { offset: 1 }), asked)).toBe(false);
  expect(isAsAsked(question({}, {}, { tokens: Int32Array.of(1, 2, 1, 0) }), asked)).toBe(false);
  const other = { changes: { reveals: Int32Array.of(0, 2), remasks: new Int32Array(0) } };
  expect(isAsAsked(question(other), asked)).toBe(false);
});
