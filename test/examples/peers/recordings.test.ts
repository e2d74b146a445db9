/** The recordings of published samplers hold together, and their noise can be replayed here. */
import { describe, expect, it } from "@jest/globals";
import { hashLogit, sequenceKey } from "../../../examples/parity/peers/hashNetwork.ts";
import { peerNoise, uniformOf } from "../../../examples/parity/peers/noise.ts";
import type { PeerCase } from "../../../examples/parity/peers/recordings.ts";
import { peerCases } from "../../sampler/support/peers.ts";

const PEERS = ["dream", "fast-dllm", "llada", "mdpo", "remdm-llada"];

describe.each(PEERS)("the recordings of %s", (name) => {
  const cases = peerCases(name);

  it("have a state a call, whose last is the result, and keep the prompt", () => {
    expect(cases.length).toBeGreaterThan(20);
    for (const { states, calls, length, prompt, result } of cases) {
      expect(states).toHaveLength(calls);
      expect(states.at(-1)).toEqual(result);
      for (const state of states) {
        expect(state).toHaveLength(length);
        expect(state.slice(0, prompt.length)).toEqual(prompt);
      }
    }
  });

  it("have numbers for every draw, of the right range", () => {
    for (const run of cases.filter(({ draws, drawsEachCall }) => draws ?? drawsEachCall)) {
      const noise = peerNoise(run);
      expect(noise).toHaveLength(run.calls);
      const all = noise.flat().flatMap((numbers) => [...numbers]);
      expect(all.length).toBeGreaterThan(0);
      expect(all.every((number) => number >= 0 && Number.isFinite(number))).toBe(true);
    }
  });
});

describe.each(["llada", "fast-dllm", "remdm-llada"])("the tokens of %s", (name) => {
  it("are our draw's from the replayed noise, over all positions and columns", () => {
    const drawn = peerCases(name).filter(({ options }) => options.temperature !== 0);
    const runs = drawn.filter(({ options }) => !options.cfg_scale && !options.logits_eos_inf);
    expect(runs.length).toBeGreaterThan(9);
    for (const run of runs) expect(wrongTokens(run)).toEqual([]);
  });
});

/** @returns the tokens that became visible and are not what the noise of their call gives. */
function wrongTokens(run: PeerCase): string[] {
  const { prompt, length, maskId, states } = run;
  const start = [...prompt, ...Array<number>(length - prompt.length).fill(maskId)];
  const noise = peerNoise(run);
  return states.flatMap((state, call) => {
    const asked = call === 0 ? start : states[call - 1];
    const expected = drawnTokens(run, asked, noise[call][0]);
    return [...state.keys()]
      .filter((l) => asked[l] === maskId && state[l] !== maskId && state[l] !== expected[l])
      .map((l) => `call ${call}, position ${l}: ${state[l]}, not ${expected[l]}`);
  });
}

/** The argmin of -log1p(-u) / exp(logit / T) at each position, without the mask. */
function drawnTokens(run: PeerCase, asked: readonly number[], noise: Float64Array): number[] {
  const { vocabSize, maskId, sharpness, options } = run;
  const temperature = Number(options.temperature ?? 1);
  const key = sequenceKey(asked);
  return asked.map((_, l) => {
    const waits = Array.from({ length: vocabSize }, (_, v) => {
      if (v === maskId) return Infinity;
      const u = uniformOf({ of: "rand" }, noise[l * vocabSize + v]);
      const logit = (sharpness * hashLogit(key, l, v)) / temperature;
      return Math.log(-Math.log1p(-u)) - logit;
    });
    return waits.indexOf(Math.min(...waits));
  });
}
