/** Whole runs of published samplers, drawn again from their seeds: the order of their noise. */
import { describe, expect, it } from "@jest/globals";
import { hashLogit, sequenceKey } from "../../../examples/parity/peers/hashNetwork.ts";
import { peerNoise } from "../../../examples/parity/peers/noise.ts";
import {
  startOf,
  type PeerCase,
  type PeerChances,
} from "../../../examples/parity/peers/recordings.ts";
import type { TokenId } from "../../../src/sampler/index.ts";
import { peerCases } from "../../sampler/support/peers.ts";

/** A number of noise makes the weight of a token larger or smaller: the largest is drawn. */
type Race = (weight: number, drawn: number) => number;

/** P2: Gumbel noise of r, on a weight that is p^(1/tau). */
const gumbel: Race = (weight, r) => weight / (-Math.log(r + 1e-8) + 1e-8);
/** MDLM and what comes from it: UNI-D2, BD3-LM, duo. */
const exponential: Race = (weight, r) => weight / (1e-10 - Math.log(r + 1e-10));
/** `torch.multinomial`, which divides by exponential numbers. */
const quotient: Race = (weight, q) => weight / q;

describe.each(["p2", "entropy-bounded", "editing", "hf-diffusers", "first-hitting", "psi"])(
  "the recordings of %s",
  (peer) => {
    it("end with the result, have a state a call, and keep what was given", () => {
      for (const run of peerCases(peer)) {
        const { function: name, states, calls, maskId, result } = run;
        expect(states.at(-1)).toEqual(result);
        expect(states).toHaveLength(Math.max(1, calls));
        if (name === "EntropyBoundScheduler") continue; // its result says what is accepted
        const start = startOf(run);
        const given = [...start.keys()].filter((l) => start[l] !== maskId);
        for (const state of states) {
          expect(given.map((l) => state[l])).toEqual(given.map((l) => start[l]));
        }
      }
    });
  },
);

describe("the tokens that a published run reveals are the draws of its noise", () => {
  it.each<[string, string, string | undefined, Race]>([
    ["p2", "p2_sampling", "tau", gumbel],
    ["p2", "p2_plus_sampling", "tau", gumbel],
    ["entropy-bounded", "EBSampler.generate", "temperature", exponential],
    ["hf-diffusers", "AmusedScheduler", undefined, quotient],
  ])("%s: %s", (peer, name, temperature, race) => {
    const divisorOf = ({ options }: PeerCase) =>
      temperature === undefined ? 1 : Number(options[temperature]);
    const runs = peerCases(peer).filter(
      (run) => run.function === name && run.calls > 0 && divisorOf(run) > 0,
    );
    expect(runs.length).toBeGreaterThan(0);
    for (const run of runs) {
      const noise = peerNoise(run);
      run.states.forEach((state, call) => {
        const asked = call === 0 ? startOf(run) : run.states[call - 1];
        const drawn = draw(weightsOf(run, asked, divisorOf(run)), noise[call][0], race);
        const revealed = [...state.keys()].filter(
          (l) => asked[l] === run.maskId && state[l] !== run.maskId,
        );
        expect(revealed.map((l) => state[l])).toEqual(revealed.map((l) => drawn[l]));
      });
    }
  });
});

describe("first hitting", () => {
  const runs = peerCases("first-hitting");

  it("has times t u^(1/n), which start again at 1 in each block", () => {
    for (const { events = [], options } of runs) {
      let time = 1;
      for (const [index, event] of events.entries()) {
        const before = events[index - 1];
        if (index > 0 && event.masks > before.masks) time = 1;
        expect(event.masks).toBeLessThanOrEqual(Number(options.block_size));
        time *= event.uniform ** (1 / event.masks);
        expect(event.time).toBeCloseTo(time, 6);
      }
    }
  });

  it("draws the tokens of its block from float64 numbers, then a rank from one word", () => {
    for (const run of runs) {
      const { maskId, events = [] } = run;
      const size = Number(run.options.block_size);
      const noise = peerNoise(run);
      let asked = [...startOf(run)].slice(0, size);
      events.forEach(({ position, token, rank }, call) => {
        const first = asked.length - size;
        const drawn = draw(weightsOf(run, asked, 1).slice(first), noise[call][0], exponential);
        const masks = [...asked.keys()].filter((l) => asked[l] === maskId);
        expect([masks[rank], drawn[position - first]]).toEqual([position, token]);
        asked = [...run.states[call]];
      });
      expect(events).toHaveLength(run.calls);
    }
  });
});

describe("psi", () => {
  const runs = peerCases("psi");

  it("draws each position from its chances and the network's tokens", () => {
    for (const run of runs) {
      const { chances: drawn = [] } = run;
      expect(drawn).not.toEqual([]);
      const noise = peerNoise({ ...run, calls: drawn.length });
      drawn.forEach((chances, call) => {
        const asked = call === 0 ? startOf(run) : run.states[call - 1];
        const weights = weightsOf(run, asked, 1).map((row, l) =>
          outcomes(row, asked[l], run.maskId, chances),
        );
        expect(draw(weights, noise[call][0], exponential)).toEqual(run.states[call]);
      });
    }
  });
});

/** The chance of each token, the mask among them, at one position. */
function outcomes(
  row: readonly number[],
  token: TokenId,
  maskId: TokenId,
  { reveal, remask }: PeerChances,
): number[] {
  const total = row.reduce((sum, weight) => sum + weight, 0);
  return row.map((weight, v) => {
    if (token !== maskId) {
      if (v === token) return 1 - (remask ?? NaN);
      return v === maskId ? (remask ?? NaN) : 0;
    }
    return v === maskId ? 1 - (reveal ?? NaN) : ((reveal ?? NaN) * weight) / total;
  });
}

/** @returns [length, V] exp(logit / temperature), of the mask 0. */
function weightsOf(run: PeerCase, asked: readonly TokenId[], temperature: number): number[][] {
  const { vocabSize, maskId, sharpness } = run;
  const key = sequenceKey(asked);
  return asked.map((_, l) =>
    Array.from({ length: vocabSize }, (_, v) =>
      v === maskId ? 0 : Math.exp((sharpness * hashLogit(key, l, v)) / temperature),
    ),
  );
}

/** Draws a token at each row. */
function draw(rows: readonly (readonly number[])[], noise: Float64Array, race: Race): TokenId[] {
  return rows.map((row, l) => {
    const raced = row.map((weight, v) => race(weight, noise[l * row.length + v]));
    return raced.indexOf(Math.max(...raced));
  });
}
