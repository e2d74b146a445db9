/** The likelihood of an answer, against enumerations that are written another way. */
import { describe, expect, it } from "@jest/globals";
import { likelihoodOf, type SetNoise } from "../../../src/program/tasks/likelihood.ts";
import { networkSigma } from "../../../src/sampler/schedule.ts";
import { PhiloxNoise } from "../../../src/sampler/index.ts";
import {
  MASK,
  TableDenoiser,
  tableLogits,
  type Logits,
} from "../../sampler/support/tableDenoiser.ts";

const PROMPT = [0, 3];
const SHORT = [2, 0, 3];
const LONG = [2, 0, 3, 3, 0, 2];

/** Log-probability of a token in a row without the mask. */
function logOf(row: Float32Array, token: number): number {
  const mass = row.reduce((sum, logit, v) => (v === MASK ? sum : sum + Math.exp(logit)), 0);
  return row[token] - Math.log(mass);
}

/** The mean over all orders of the log-likelihood of the answer, decoded in that order. */
function meanOverOrders(answer: readonly number[], prompt = PROMPT): number {
  const orders = permutations(answer.map((_, i) => i));
  const logs = orders.map((order) => {
    const tokens = Int32Array.from([...prompt, ...answer.map(() => MASK)]);
    let log = 0;
    order.forEach((position, done) => {
      const sigma = Math.fround(networkSigma((answer.length - done) / answer.length));
      log += logOf(tableLogits(tokens, sigma, prompt.length + position), answer[position]);
      tokens[prompt.length + position] = answer[position];
    });
    return log;
  });
  return logs.reduce((sum, log) => sum + log, 0) / logs.length;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]),
  );
}

function noiseOf(seed: number): SetNoise {
  const noise = new PhiloxNoise(BigInt(seed));
  return {
    start: () => noise.position(0, 2 ** 31, 0),
    position: (set, position) => noise.position(0, set, position),
  };
}

const options = (samples: number, seed = 1) => ({
  ...{ samples, noise: noiseOf(seed), batchSize: 5, signal: undefined },
});

describe("the bound of a model with blocks of its own", () => {
  it("is the sum of those of its blocks, each after the blocks before it", async () => {
    const denoiser = new TableDenoiser(8, { blockLength: 2 });
    const whole = [...PROMPT, 0, ...SHORT]; // blocks of 2: the answer has a half and a whole one
    const bound = await likelihoodOf(denoiser, [...PROMPT, 0], SHORT, options(7));
    const blocks = [
      meanOverOrders([2], whole.slice(0, 3)),
      meanOverOrders([0, 3], whole.slice(0, 4)),
    ];
    expect(bound).toEqual({ value: expect.closeTo(blocks[0] + blocks[1], 4), standardError: 0 });
    expect(denoiser.requests.map(({ length }) => length)).toEqual([4, 6]);
  });
});

describe("the bound of a masked model", () => {
  it("is exact where all sets can be asked about: the mean over all orders of decoding", async () => {
    const denoiser = new TableDenoiser(8);
    const bound = await likelihoodOf(denoiser, PROMPT, SHORT, options(7));
    expect(bound.standardError).toBe(0);
    expect(bound.value).toBeCloseTo(meanOverOrders(SHORT), 5);
    expect(denoiser.requests.map(({ batch }) => batch)).toEqual([5, 2]);
    const none = await likelihoodOf(new TableDenoiser(8), [], [3], options(2));
    expect(none.value).toBeCloseTo(meanOverOrders([3], []), 5);
    const six = await likelihoodOf(new TableDenoiser(8), PROMPT, LONG, options(63));
    expect(six).toEqual({ value: expect.closeTo(meanOverOrders(LONG), 4), standardError: 0 });
  });

  it("is estimated without a bias, and the error says how well", async () => {
    const exact = meanOverOrders(LONG);
    const runs = 300;
    let [sum, squares, errors] = [0, 0, 0];
    for (let seed = 0; seed < runs; seed++) {
      const { value, standardError } = await likelihoodOf(
        new TableDenoiser(8),
        PROMPT,
        LONG,
        options(24, seed),
      );
      sum += value - exact;
      squares += (value - exact) ** 2;
      errors += standardError ** 2;
    }
    const spread = Math.sqrt(squares / runs);
    // False alarms: the mean is off by 4 of its errors in 6 of 100,000 (the seeds are fixed).
    expect(Math.abs(sum / runs)).toBeLessThan((4 * spread) / Math.sqrt(runs));
    // The error is that of the estimate, or somewhat more where terms have a trend over sizes.
    const told = Math.sqrt(errors / runs);
    expect(told / spread).toBeGreaterThan(0.85);
    expect(told / spread).toBeLessThan(1.4);
  });

  it("asks about each set once, and about masked positions alone", async () => {
    const denoiser = new TableDenoiser(8);
    await likelihoodOf(denoiser, PROMPT, LONG, options(60));
    const seen = denoiser.requests.flatMap(({ batch, length, tokens }) =>
      Array.from({ length: batch }, (_, b) => tokens.slice(b * length, (b + 1) * length).join()),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeLessThan(60);
    for (const sequence of seen) expect(sequence).toMatch(/^0,3,/);
    const rows = denoiser.requests.reduce((sum, request) => sum + request.rows.length, 0);
    const masks = seen
      .join()
      .split(",")
      .filter((token) => token === String(MASK)).length;
    expect(rows).toBe(masks);
  });

  it("masks the same places of choices of one length", async () => {
    const masksOf = async (answer: readonly number[]): Promise<string[]> => {
      const denoiser = new TableDenoiser(8);
      await likelihoodOf(denoiser, PROMPT, answer, options(20));
      return denoiser.requests.map(({ tokens }) => tokens.map((t) => Number(t === MASK)).join());
    };
    expect(await masksOf(LONG)).toEqual(await masksOf([...LONG].reverse()));
  });

  it("refuses rows that are no distribution", async () => {
    const broken: Logits = (...at) => tableLogits(...at).fill(Number.NaN);
    const denoiser = new TableDenoiser(8, {}, broken);
    const bound = likelihoodOf(denoiser, PROMPT, SHORT, options(7));
    await expect(bound).rejects.toMatchObject({ code: "denoiser_invalid" });
  });
});

describe("the likelihood of an ar model", () => {
  /** A row that knows nothing of what comes after it. */
  const causal: Logits = (tokens, sigma, position) =>
    tableLogits(Array.from(tokens).slice(0, position + 1), sigma, position);

  it("is the sum over its tokens, each after those before it, in one call", async () => {
    const denoiser = new TableDenoiser(8, { kind: "ar", bosId: 3 }, causal);
    const { value, standardError } = await likelihoodOf(denoiser, PROMPT, LONG, options(2));
    const whole = [3, ...PROMPT, ...LONG];
    const logs = LONG.map((token, i) => {
      const before = 1 + PROMPT.length + i;
      return logOf(tableLogits(whole.slice(0, before), 0, before - 1), token);
    });
    expect(value).toBeCloseTo(
      logs.reduce((sum, log) => sum + log, 0),
      5,
    );
    expect(standardError).toBe(0);
    expect(denoiser.requests).toHaveLength(1);
    expect(denoiser.requests[0].length).toBe(8);
  });
});
