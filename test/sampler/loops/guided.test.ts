import { describe, expect, it } from "@jest/globals";
import {
  AbortedError,
  defineStrategy,
  PhiloxNoise,
  prepare,
  RemdmError,
  sample,
  sampleEvents,
  type ForwardRequest,
  type GuideOptions,
  type NoiseSource,
  type Reward,
  type SamplerEvent,
  type SamplerOptions,
  type WeightedEvent,
} from "../../../src/sampler/index.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 6;
const likes2: Reward = ({ tokens }) => 2 * tokens.filter((token) => token === 2).length;
const guide: GuideOptions = { reward: likes2, particles: 5 };
const remasking: SamplerOptions = { strategy: { kind: "remdm-cap", eta: 0.3 }, steps: 12, topP: 1 };

/** Reveals one position a step, the first one. */
const fromTheLeft = defineStrategy({
  kind: "from-the-left",
  source: "a test",
  summary: "reveals the first masked position",
  statistics: [],
  memory: () => ({ steps: 0 }),
  select: (_, __, rows, memory) => {
    memory.steps++;
    return { reveal: rows.slice(0, 1).map(({ position }) => position) };
  },
});
const asking: SamplerOptions = { strategy: fromTheLeft, steps: 6, topP: 1 };
const shapes: [string, SamplerOptions][] = [
  ["draw first", remasking],
  ["with confidences", { ...remasking, strategy: { kind: "remdm-conf" } }],
  ["in continuous time", { strategy: { kind: "first-hitting", rate: 2 }, topP: 1 }],
  ["ask first", asking],
  ["by confidence", { strategy: { kind: "confidence" }, steps: 6, topP: 1 }],
  ["by thresholds, without steps", { strategy: { kind: "threshold", tau: 0.9 }, topP: 1 }],
];

function weightedOf(events: readonly SamplerEvent[]): WeightedEvent[] {
  return events.filter((event) => event.type === "weighted");
}

function run(options: SamplerOptions, denoiser = new TableDenoiser(LENGTH), noise?: NoiseSource) {
  return collect(sampleEvents(denoiser, options, noise));
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was expected to reject");
}

describe.each(shapes)("a guided run, %s", (_, options) => {
  it("is the same whatever the batch, and in parts", async () => {
    const all = { ...options, guide, samples: 4, seed: 3 };
    const { outcome } = await run({ ...all, batchSize: 1 });
    for (const batchSize of [3, 5, 11, 64]) {
      const other = (await run({ ...all, batchSize })).outcome;
      expect(other.tokens).toEqual(outcome.tokens);
      expect(other.guided).toEqual(outcome.guided);
    }
    const part = await run({ ...all, samples: 2, firstSample: 2 });
    expect(part.outcome.guided).toEqual(outcome.guided?.slice(2));
  });

  it("asks about as many sequences at a time as batchSize says", async () => {
    for (const batchSize of [1, 4, 12]) {
      const denoiser = new TableDenoiser(LENGTH);
      const { events } = await run({ ...options, guide, samples: 3, batchSize }, denoiser);
      const sizes = denoiser.requests.map(({ batch }) => batch);
      // As many samples at a time as fit into a batch: 2 of 5 particles into 12, else one.
      const most = Math.max(...sizes);
      expect(most).toBeLessThanOrEqual(batchSize > 5 ? 10 : batchSize);
      expect(most).toBeGreaterThan(batchSize > 5 ? 5 : batchSize - 1);
      const finished = events.filter((event) => event.type === "finished");
      expect(finished.map(({ sample: number }) => number)).toEqual([0, 1, 2]);
      for (const { forwardCalls } of finished) {
        expect(forwardCalls).toBeGreaterThan(0);
        expect(forwardCalls).toBeLessThanOrEqual(sizes.length);
      }
    }
  });

  it("tells weightings and no changes, and progress that ends at its total", async () => {
    const { events, outcome } = await run({
      ...options,
      guide: { ...guide, strength: 3, every: 2 },
    });
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(["weighted", "progress", "finished"]),
    );
    const progress = events.filter((event) => event.type === "progress");
    const done = progress.map((event) => event.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    const total = 5 * ((options.steps as number | undefined) ?? LENGTH);
    expect(progress.at(-1)).toMatchObject({ done: total, total });
    const weighted = weightedOf(events);
    expect(weighted.length).toBeGreaterThan(2);
    for (const { particles, effectiveSampleSize, ancestors } of weighted) {
      expect(particles).toHaveLength(5);
      const sum = particles.reduce((total, { weight }) => total + weight, 0);
      expect(sum).toBeCloseTo(1, 12);
      const squares = particles.reduce((total, { weight }) => total + weight ** 2, 0);
      expect(effectiveSampleSize).toBeCloseTo(1 / squares, 9);
      if (ancestors !== undefined) expect(effectiveSampleSize).toBeLessThan(2.5);
    }
    expect(weighted.some(({ ancestors }) => ancestors !== undefined)).toBe(true);
    const last = weighted[weighted.length - 1];
    expect(last).toMatchObject({ time: 0 });
    const chosen = outcome.guided?.[0];
    expect(chosen?.particles).toEqual(last.particles);
    expect(last.particles[chosen?.particle ?? -1].tokens).toEqual(outcome.tokens[0]);
    expect(chosen?.reward).toBe(last.particles[chosen?.particle ?? -1].reward);
  });

  it("keeps what is pinned, and shows the reward a copy", async () => {
    const pinned = new Map([[1, 3]]);
    const vandal: Reward = ({ tokens, maskId, finished }) => {
      expect(maskId).toBe(MASK);
      expect(tokens[1]).toBe(3);
      if (finished) expect(tokens).not.toContain(MASK);
      const reward = tokens[0] === 2 ? 1 : 0;
      tokens.fill(0);
      return reward;
    };
    const { outcome } = await run({ ...options, pinned, guide: { ...guide, reward: vandal } });
    expect(outcome.tokens[0][1]).toBe(3);
    expect(outcome.tokens[0]).not.toContain(MASK);
  });

  it("draws no random number twice", async () => {
    const philox = new PhiloxNoise(1n);
    const steps = new Map<string, Set<string>>();
    // Others may be asked for again for a number of the same place; what is wrong is one number for two purposes.
    const noise: NoiseSource = {
      position: (number, step, position) => {
        if (position >= LENGTH + 3) {
          const address = [number, step].join();
          const known = steps.get(address) ?? new Set<string>();
          expect(known.has(String(position))).toBe(false);
          steps.set(address, known.add(String(position)));
        }
        return philox.position(number, step, position);
      },
      token: (...at) => philox.token(...at),
    };
    const multinomial = {
      ...guide,
      every: 1,
      resampleBelow: 1,
      resampling: "multinomial",
    } as const;
    await run({ ...options, samples: 2, guide: multinomial }, undefined, noise);
    expect(steps.size).toBeGreaterThan(10);
    for (const positions of steps.values()) expect([...positions]).toEqual([String(LENGTH + 3)]);
  });

  it("takes the best of N", async () => {
    const best = { reward: likes2, particles: 5, method: "best-of-n" } as const;
    const { events, outcome } = await run({ ...options, guide: best, samples: 3 });
    expect(weightedOf(events)).toEqual([]);
    expect(outcome.guided).toHaveLength(3);
    for (const { particle, reward, particles, logMean } of outcome.guided ?? []) {
      const rewards = particles.map((one) => one.reward);
      expect(reward).toBe(Math.max(...rewards));
      expect(particle).toBe(rewards.indexOf(reward)); // of equals the first
      expect(particles.map(({ weight }) => weight)).toEqual(
        rewards.map((_, j) => Number(j === particle)),
      );
      expect(logMean).toBeUndefined();
    }
    // Its particles are the samples of a run without a guide: they draw with the same numbers.
    const plain = await sample(new TableDenoiser(LENGTH), { ...options, samples: 15 });
    const all = (outcome.guided ?? []).flatMap(({ particles }) => particles);
    expect(all.map(({ tokens }) => tokens)).toEqual(plain.tokens);
  });

  it.each([NaN, Infinity, "1", undefined, Promise.resolve(1), 1e308])(
    "refuses the reward %p, and says where",
    async (reward) => {
      const wrong: Reward = ({ tokens, finished }) => {
        return tokens.includes(2) || finished ? (reward as number) : 0;
      };
      const error = await errorOf(
        run({ ...options, guide: { reward: wrong, particles: 3, every: 1 }, firstSample: 4 }),
      );
      expect(error).toBeInstanceOf(RemdmError);
      expect(error).toMatchObject({ code: "reward_invalid" });
      expect(String(error)).toMatch(/for sample 4, particle [0-2], before step \d+/);
    },
  );

  it("passes on what the reward throws, and leaves nothing behind", async () => {
    class Releasing extends TableDenoiser {
      readonly released: number[] = [];
      release(cache: number): void {
        this.released.push(cache);
      }
    }
    const denoiser = new Releasing(LENGTH);
    const mine = new Error("mine");
    let calls = 0;
    const throwing: Reward = () => {
      if (++calls === 8) throw mine;
      return 0;
    };
    const asked = () => denoiser.requests.length;
    expect(
      await errorOf(run({ ...options, guide: { ...guide, reward: throwing, every: 1 } }, denoiser)),
    ).toBe(mine);
    expect(calls).toBe(8);
    const before = asked();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(asked()).toBe(before);
    const caches = new Set(denoiser.requests.flatMap(({ cache }) => cache ?? []));
    expect(denoiser.released).toEqual([...caches]);
  });

  it("stops at a weighting when it is aborted", async () => {
    const controller = new AbortController();
    let calls = 0;
    const aborting: Reward = () => {
      calls++;
      controller.abort();
      return 0;
    };
    const stopped = {
      ...options,
      guide: { ...guide, reward: aborting },
      signal: controller.signal,
    };
    expect(await errorOf(run(stopped))).toBeInstanceOf(AbortedError);
    expect(calls).toBe(5); // the particles of one weighting
  });
});

describe("a reward of -Infinity", () => {
  const no2: Reward = ({ tokens }) => (tokens.includes(2) ? -Infinity : 0);

  it("rules texts out", async () => {
    const { outcome } = await run({
      ...remasking,
      samples: 20,
      guide: { reward: no2, particles: 40, every: 1 },
    });
    for (const tokens of outcome.tokens) expect(tokens).not.toContain(2);
  });

  it("is nothing at lambda 0", async () => {
    const { outcome } = await run({
      ...asking,
      samples: 20,
      guide: { reward: no2, particles: 3, strength: 0 },
    });
    expect(outcome.tokens.some((tokens) => tokens.includes(2))).toBe(true);
    for (const { logMean } of outcome.guided ?? []) expect(logMean).toBe(0);
  });

  it("of all particles on the way resamples nothing, and they may come back", async () => {
    const late: Reward = ({ finished }) => (finished ? 1 : -Infinity);
    const { events, outcome } = await run({
      ...remasking,
      guide: { reward: late, particles: 3, every: 4 },
    });
    const weighted = weightedOf(events);
    expect(weighted).toHaveLength(4);
    for (const { effectiveSampleSize, ancestors, particles } of weighted.slice(0, -1)) {
      expect(effectiveSampleSize).toBe(0);
      expect(ancestors).toBeUndefined();
      expect(particles.map(({ weight }) => weight)).toEqual([0, 0, 0]);
    }
    expect(weighted.at(-1)?.effectiveSampleSize).toBeCloseTo(3, 12);
    expect(outcome.guided?.[0].logMean).toBeCloseTo(1, 12);
  });

  it.each(["smc", "best-of-n"] as const)(
    "of all particles at the end is an error: %s",
    async (method) => {
      const none = { reward: () => -Infinity, particles: 3, method };
      const error = await errorOf(run({ ...remasking, guide: none, firstSample: 7 }));
      expect(error).toMatchObject({ code: "all_ruled_out" });
      expect(String(error)).toContain("each of the 3 particles of sample 7");
    },
  );
});

it("has a copy of a memory that is no plain data refused", async () => {
  const strategy = defineStrategy({
    kind: "with-a-function",
    source: "a test",
    summary: "remembers what cannot be copied",
    statistics: [],
    memory: () => ({ tell: () => 1 }),
    select: (_, __, rows) => ({ reveal: rows.slice(0, 1).map(({ position }) => position) }),
  });
  const options = { strategy, steps: 6, topP: 1 };
  const copying = { ...guide, every: 1, resampleBelow: 1 };
  expect(await errorOf(run({ ...options, guide: copying }))).toMatchObject({
    code: "strategy_invalid",
  });
});

describe("the options of a guide", () => {
  const model = new TableDenoiser(LENGTH).model;
  const guideOf = (given: object, options: SamplerOptions = remasking) => {
    return prepare({ ...options, guide: { ...guide, ...given } }, model).guide;
  };

  it("have defaults", () => {
    expect(guideOf({}, { ...remasking, steps: 128 })).toEqual({
      ...{ reward: likes2, particles: 5, method: "smc", strength: 1, every: 8 },
      ...{ resampleBelow: 0.5, resampling: "systematic" },
    });
    expect(guideOf({})).toMatchObject({ every: 1 });
    expect(guideOf({ method: "best-of-n" })).toEqual({ ...guide, method: "best-of-n" });
    expect(prepare(remasking, model).guide).toBeUndefined();
    expect(prepare({ ...remasking, guide }, model).batchSize).toBe(16);
    expect(prepare({ ...remasking, guide, samples: 9 }, model).batchSize).toBe(16);
  });

  it.each<[object, string]>([
    [{ reward: undefined }, "guide.reward must be a function; got undefined"],
    [{ reward: 1 }, "guide.reward must be a function; got 1"],
    [{ particles: 1 }, "guide.particles must be an integer in [2, 2147483648]; got 1"],
    [{ method: "sis" }, 'guide.method must be "smc" or "best-of-n"; got "sis"'],
    [{ strength: -1 }, "guide.strength must be a number in [0, Infinity); got -1"],
    [{ strength: Infinity }, "guide.strength must be a number in [0, Infinity); got Infinity"],
    [{ every: 0 }, "guide.every must be an integer of at least 1; got 0"],
    [{ resampleBelow: 1.1 }, "guide.resampleBelow must be a number in [0, 1]; got 1.1"],
    [{ resampling: "none" }, "guide.resampling must be"],
    [{ method: "best-of-n", every: 2 }, "guide.every must be undefined with the method best-of-n"],
    [{ particle: 3 }, "particle must be undefined (a guide takes only reward, particles"],
  ])("%j: %s", (given, message) => {
    expect(() => guideOf(given)).toThrow(message);
  });

  it.each<[SamplerOptions, string]>([
    [{ executor: "dense" }, "guide must be undefined with the executor dense"],
    [{ stride: 2, strides: 1 }, "guide must be undefined with stride"],
    [{ samples: 2 ** 31 / 4 }, "samples must be an integer in [1, 429496729]; got 536870912"],
    [{ firstSample: 429496729 }, "firstSample must be an integer in [0, 429496728]"],
  ])("with %j: %s", (options, message) => {
    expect(() => guideOf({}, { ...remasking, ...options })).toThrow(message);
  });

  it("are refused with an ar model", () => {
    const ar = { ...model, kind: "ar", bosId: 0 } as const;
    expect(() => prepare({ guide }, ar)).toThrow("guide must be undefined with an ar model");
  });
});

it("shares calls: as many as the steps of an ask-first run, whatever N", async () => {
  const requests = async (particles: number): Promise<ForwardRequest[]> => {
    const denoiser = new TableDenoiser(LENGTH);
    await run({ ...asking, batchSize: 64, guide: { ...guide, particles } }, denoiser);
    return denoiser.requests;
  };
  expect(await requests(2)).toHaveLength(LENGTH);
  expect(await requests(32)).toHaveLength(LENGTH);
});

describe("a row that is none names the sample and the particle", () => {
  const particle3 = 5 * 1 + 3;
  /** Spoils the rows of the particle's place in a batch of two samples of five particles. */
  class Spoilt extends TableDenoiser {
    override async forward(request: ForwardRequest): Promise<Float32Array> {
      const answer = await super.forward(request);
      request.rows.forEach((row, n) => {
        const isIts = Math.floor(row / request.length) === particle3;
        if (isIts) answer.fill(NaN, n * this.model.vocabSize, (n + 1) * this.model.vocabSize);
      });
      return answer;
    }
  }
  const bestOf = { ...guide, method: "best-of-n" } as const;

  it.each<[string, SamplerOptions]>([
    ["draw first", { strategy: "mdlm", steps: 1, topP: 1 }],
    ["ask first", { strategy: "random", steps: 1, topP: 1 }],
    ["statistics", { strategy: "confidence", steps: 1 }],
  ])("%s", async (_, options) => {
    const guided = { ...options, guide: bestOf, samples: 2, batchSize: 10 };
    const said = /^The network's row for sample 1, particle 3, step 0, position \d /;
    await expect(sample(new Spoilt(LENGTH), guided)).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: expect.stringMatching(said),
    });
    const plain = sample(new Spoilt(LENGTH), { ...options, samples: 10, batchSize: 10 });
    await expect(plain).rejects.toThrow(/row for sample 8, step 0, position \d /);
  });
});
