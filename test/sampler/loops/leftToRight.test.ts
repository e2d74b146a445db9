/** AR: exact distribution, the shape of its texts, what it asks for, and the original's noise in blocks. */
import { describe, expect, it } from "@jest/globals";
import { TorchGenerator } from "../../../src/sampler/loops/parity/torchGenerator.ts";
import { OptionError, RemdmError, sample, sampleEvents } from "../../../src/sampler/index.ts";
import { goodnessOfFit } from "../support/chiSquare.ts";
import { collect, replay } from "../support/replay.ts";
import { MASK, TableDenoiser, tableLogits, VOCAB_SIZE } from "../support/tableDenoiser.ts";

const BOS = 3;
const ar = (length: number) =>
  new TableDenoiser(length, { kind: "ar", bosId: BOS, timeConditioning: false });
const DRAWN = [0, 2, 3];

/** Chances of the tokens that may follow `prefix`. */
function next(prefix: readonly number[]): Map<number, number> {
  const row = tableLogits(prefix, 0, prefix.length - 1);
  const weights = DRAWN.map((token) => Math.exp(row[token]));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return new Map(DRAWN.map((token, i) => [token, weights[i] / total]));
}

function enumerate(prefix: readonly number[], drawn: number): [number[], number][] {
  if (drawn === 0) return [[[...prefix], 1]];
  return [...next(prefix)].flatMap(([token, p]) =>
    enumerate([...prefix, token], drawn - 1).map(([text, q]): [number[], number] => [text, p * q]),
  );
}

describe("an ar model", () => {
  it("draws from its distribution, between two begin-of-text tokens as the original", async () => {
    const { tokens, stats } = await sample(ar(4), {
      samples: 5000,
      batchSize: 64,
      seed: 5,
      topP: 1,
    });
    const counts = new Map<string, number>();
    for (const ids of tokens) counts.set(ids.join(), (counts.get(ids.join()) ?? 0) + 1);
    const exact = new Map(enumerate([BOS], 2).map(([ids, p]) => [[...ids, BOS].join(), p]));
    expect(goodnessOfFit(counts, exact)).toBeGreaterThan(1e-5);
    expect(stats).toEqual({
      forwardCalls: 79 * 2,
      forwardRows: 5000 * 2,
      rounds: 79 * 2,
      sequences: 5000 * 2,
      steps: 2,
      tokensPerForward: 1,
    });
  });

  it("draws the last token too where the papers have it their way", async () => {
    const { tokens } = await sample(ar(4), { samples: 40, quirks: "paper", topP: 1 });
    expect(new Set(tokens.map((ids) => ids[3])).size).toBeGreaterThan(1);
    expect(tokens.every((ids) => ids[0] === BOS && !ids.includes(MASK))).toBe(true);
  });

  it("asks for one row a sequence, of the prefix alone, under one cache", async () => {
    const denoiser = ar(6);
    const released: number[] = [];
    const withCaches = Object.assign(denoiser, {
      release: (cache: number) => released.push(cache),
    });
    await sample(withCaches, { samples: 3, batchSize: 2 });
    const shapes = denoiser.requests.map(({ batch, length, rows }) => [batch, length, ...rows]);
    expect(shapes.slice(0, 4)).toEqual([
      [2, 1, 0, 1],
      [2, 2, 1, 3],
      [2, 3, 2, 5],
      [2, 4, 3, 7],
    ]);
    const caches = new Set(denoiser.requests.map(({ cache }) => cache));
    expect([...caches]).toEqual(released);
  });

  it("does not depend on the batch, nor on the number of the first sample", async () => {
    const all = await sample(ar(6), { samples: 5, seed: 9 });
    const alone = await sample(ar(6), { samples: 2, firstSample: 3, batchSize: 1, seed: 9 });
    expect(alone.tokens).toEqual(all.tokens.slice(3));
  });

  it("keeps a prompt, and its events add up to the text", async () => {
    const pinned = new Map([
      [1, 2],
      [2, 0],
    ]);
    const { events, outcome } = await collect(sampleEvents(ar(6), { pinned, samples: 2 }));
    outcome.tokens.forEach((ids) => expect([...ids.slice(0, 3)]).toEqual([BOS, 2, 0]));
    const states = replay(events, [BOS, 2, 0, MASK, MASK, BOS], MASK);
    expect([...states.values()]).toEqual(outcome.tokens.map((ids) => [...ids]));
  });

  it.each([
    [{ steps: 4 }, "steps must be undefined (ar takes one step a token)"],
    [{ strategy: { kind: "mdlm" } }, "strategy.kind must be ar for a model of kind ar"],
    [{ pinned: new Map([[2, 0]]) }, "pinned position must be one of a beginning without gaps"],
    [{ pinned: new Map([[0, 2]]) }, "pinned position 0 must be the begin-of-text token, 3"],
    [{ length: 1 }, "length must be an integer in [2, 6]"],
    [{ executor: "dense", noise: "philox" }, 'noise must be "torch"'],
    [{ executor: "dense", firstSample: 1 }, "firstSample must be 0"],
    [{ executor: "dense", quirks: "paper" }, 'quirks must be "original"'],
    [{ stride: 1, strides: 1 }, "stride must be undefined with the strategy ar"],
  ] as const)("refuses %j", async (options, message) => {
    await expect(sample(ar(6), options)).rejects.toThrow(OptionError);
    await expect(sample(ar(6), options)).rejects.toThrow(message);
  });

  it("needs a token to begin with", async () => {
    const denoiser = new TableDenoiser(4, { kind: "ar" });
    await expect(sample(denoiser, {})).rejects.toThrow(RemdmError);
    await expect(sample(denoiser, {})).rejects.toThrow("its bosId is undefined");
  });
});

describe("the dense form", () => {
  it("reads each sequence's noise where the original's [B, L - 2, V] block has it", async () => {
    const { tokens } = await sample(ar(5), {
      topP: 1,
      executor: "dense",
      samples: 4,
      batchSize: 2,
      seed: 11,
    });
    // Two blocks of [2, 3, V], one after the other: the same as one of [4, 3, V].
    const generator = new TorchGenerator(11n);
    const expected = Array.from({ length: 4 }, () => {
      const text = [BOS];
      for (let i = 0; i < 3; i++) {
        const noise = Array.from({ length: VOCAB_SIZE }, () => generator.gumbel32());
        const race = DRAWN.map((token) => Math.log(next(text).get(token) ?? 0) + noise[token]);
        text.push(DRAWN[race.indexOf(Math.max(...race))]);
      }
      return [...text, BOS];
    });
    expect(tokens.map((ids) => [...ids])).toEqual(expected);
  });
});
