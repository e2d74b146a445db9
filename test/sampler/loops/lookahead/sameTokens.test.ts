/**
 * A window decides how often the network is asked and never what comes: events and tokens are those of window 1, for
 * every strategy that draws first. The rows of these networks depend on every token of the state, so an answer that
 * was taken for a state that did not come out would change what follows.
 */
import { describe, expect, it } from "@jest/globals";
import {
  sampleEvents,
  type Denoiser,
  type GuidedText,
  type SamplerEvent,
  type SamplerOptions,
} from "../../../../src/sampler/index.ts";
import { collect } from "../../support/replay.ts";
import {
  MASK,
  TableDenoiser,
  longLogits,
  tableLogits,
  type Logits,
} from "../../support/tableDenoiser.ts";

const LENGTH = 24;
/** Sure of most tokens, by the position alone: other tokens change a row a little, as in a trained network. */
const steadyLogits: Logits = (tokens, sigma, position) => {
  const own = tableLogits([], 0, position);
  const all = longLogits(tokens, sigma, position);
  return own.map((logit, token) => (token === MASK ? logit : 2 * logit + 0.3 * all[token]));
};
const NETWORKS: Readonly<Record<string, Logits>> = { steady: steadyLogits, wild: longLogits };
const loop = { tOn: 0.6, tOff: 0.3, alphaOn: 0.6 } as const;
const prompt = new Map([
  [0, 2],
  [1, 0],
  [9, 3],
]);

const CASES: readonly SamplerOptions[] = [
  { strategy: "mdlm", steps: 90 },
  { strategy: "mdlm", steps: 5 },
  { strategy: "ddpm", steps: 30 },
  { strategy: "forward-backward", steps: 30 },
  { strategy: "dfm", steps: 30 },
  { strategy: { kind: "remdm-cap", eta: 0.1 }, steps: 60 },
  { strategy: { kind: "remdm-rescale", eta: 0.3 }, steps: 40 },
  { strategy: "remdm-conf", steps: 60 },
  { strategy: "remdm-conf", steps: 60, topP: 0.6, quirks: "paper" },
  { strategy: { kind: "remdm-loop", eta: 0.1, ...loop }, steps: 60 },
  { strategy: "remdm-cap+conf+loop", steps: 60 },
  { strategy: { kind: "psi", kappa: 0.6 }, steps: 40 },
  { strategy: "first-hitting" },
  { strategy: { kind: "first-hitting", rate: 3 } },
  { strategy: "mdlm", steps: 50, pinned: prompt },
  { strategy: "remdm-cap", steps: 40, pinned: prompt, guidance: 0.5 },
  { strategy: "remdm-cap", steps: 9, blockLength: 7, pinned: prompt },
  { strategy: "remdm-conf", steps: 9, blockLength: 5 },
  { strategy: { kind: "first-hitting", rate: 1 }, blockLength: 6 },
  { strategy: "remdm-cap", steps: 20, stride: 8, strides: 3 },
  { strategy: "remdm-cap", steps: 30, start: { tokens: prompt, time: 0.7 } },
  { strategy: "mdlm", steps: 40, temperature: 0 },
  { strategy: "mdlm", steps: 40, temperature: 2, topK: 2, banned: [0] },
  { strategy: "remdm-cap", steps: 30, samples: 3, batchSize: 8 },
  { strategy: "remdm-cap", steps: 30, samples: 5, batchSize: 2 },
];

/** What a run tells, but for what the network was asked. */
async function told(denoiser: Denoiser, options: SamplerOptions) {
  const { events, outcome } = await collect(sampleEvents(denoiser, options));
  const changes = events.flatMap((event): SamplerEvent[] => {
    return event.type === "progress" ? [] : [event];
  });
  const bySample = changes.toSorted((a, b) => sampleOf(a) - sampleOf(b)); // stable
  return { bySample, tokens: outcome.tokens, stats: outcome.stats };
}

function sampleOf(event: SamplerEvent): number {
  return "sample" in event ? event.sample : 0;
}

describe.each(Object.entries(NETWORKS))("on a %s network", (_, logits) => {
  const network = () => new TableDenoiser(LENGTH, { eosId: 3 }, logits);

  it.each(CASES)("%j gives the same events at every window", async (options) => {
    for (const seed of [1, 2, 3]) {
      const given = { ...options, seed, length: LENGTH };
      const one = await told(network(), { ...given, window: 1 });
      for (const window of [2, 5, 16]) {
        const other = await told(network(), { ...given, window });
        expect(other.bySample).toEqual(one.bySample);
        expect(other.tokens).toEqual(one.tokens);
        expect(other.stats.tokensPerForward).toBe(one.stats.tokensPerForward);
        expect(other.stats.rounds).toBeLessThanOrEqual(one.stats.rounds);
        expect(other.stats.sequences).toBeGreaterThanOrEqual(one.stats.sequences);
        if ((options.samples ?? 1) > 1) continue;
        expect(other.stats.forwardCalls).toBe(one.stats.forwardCalls);
      }
    }
  });
});

it("a network of its own blocks (BD3-LM) gives the same tokens too", async () => {
  const network = () => new TableDenoiser(LENGTH, { blockLength: 8 }, steadyLogits);
  for (const strategy of ["mdlm", "remdm-conf", "first-hitting"] as const) {
    const steps = strategy === "first-hitting" ? {} : { steps: 12 };
    const one = await told(network(), { strategy, ...steps, window: 1 });
    const other = await told(network(), { strategy, ...steps, window: 8 });
    expect(other.bySample).toEqual(one.bySample);
    expect(other.stats.rounds).toBeLessThan(one.stats.rounds);
  }
});

it("a guided run gives the same tokens too", async () => {
  const reward = ({ tokens }: GuidedText) => tokens.filter((token) => token === 2).length;
  const guide = { reward, particles: 3 };
  const run = { strategy: "remdm-cap", steps: 24, guide } as const;
  const one = await told(new TableDenoiser(LENGTH, {}, steadyLogits), { ...run, window: 1 });
  const other = await told(new TableDenoiser(LENGTH, {}, steadyLogits), { ...run, window: 4 });
  expect(other.tokens).toEqual(one.tokens);
});

describe("a network that is steady", () => {
  it("is asked much less often, one sample at a time", async () => {
    const run = { strategy: "mdlm", steps: 400, length: LENGTH } as const;
    const { outcome } = await collect(
      sampleEvents(new TableDenoiser(LENGTH, {}, steadyLogits), { ...run, window: 16 }),
    );
    const { rounds, sequences, forwardCalls } = outcome.stats;
    expect(forwardCalls).toBeGreaterThan(15);
    expect(rounds).toBeLessThan(forwardCalls / 2);
    expect(sequences).toBeLessThan(2.5 * forwardCalls);
  });

  it("is never asked about more sequences than a call may have; samples come first", async () => {
    const denoiser = new TableDenoiser(LENGTH, {}, steadyLogits);
    const run = { strategy: "remdm-cap", steps: 40, samples: 3, batchSize: 5, window: 4 } as const;
    await collect(sampleEvents(denoiser, run));
    const sizes = denoiser.requests.map(({ batch }) => batch);
    expect(Math.max(...sizes)).toBe(5);
    const full = new TableDenoiser(LENGTH, {}, steadyLogits);
    const { outcome } = await collect(sampleEvents(full, { ...run, batchSize: 3 }));
    expect(Math.max(...full.requests.map(({ batch }) => batch))).toBe(3);
    expect(outcome.stats.sequences).toBeGreaterThan(0);
  });
});
