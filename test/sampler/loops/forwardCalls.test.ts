/** A finished sample says how many calls of the network it took part in, whichever loop drew it. */
import { expect, it } from "@jest/globals";
import {
  sampleEvents,
  type DenoiserModel,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { collect } from "../support/replay.ts";
import { TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 10;
const END = 1;

/** Lists the sequences of each forward; SEDD asks one twice in a row, for masses and for rows. */
function sequencesOfForwards({ requests, model }: TableDenoiser): number[] {
  const names = requests.map(({ tokens, sigma }) => [...tokens, ...sigma].join());
  return requests.flatMap(({ batch }, i) =>
    model.kind === "sedd" && names[i] === names[i - 1] ? [] : [batch],
  );
}

it.each<[string, Partial<DenoiserModel>, SamplerOptions]>([
  ["draws first", {}, { strategy: "remdm-cap" }],
  ["draws first, with windows", {}, { stride: 4, strides: 2 }],
  ["asks first", { kind: "sedd" }, {}],
  ["goes from left to right", { kind: "ar", bosId: END }, {}],
  ["stops at an end", { kind: "ar", bosId: END, eosId: END }, { until: "end" }],
  ["keeps the original's order", {}, { executor: "dense" }],
  ["keeps the original's order with D3PM", { kind: "d3pm" }, {}],
])("the loop that %s counts each sample's calls", async (_, model, options) => {
  const [samples, firstSample] = [
    7,
    options.executor === undefined && model.kind !== "d3pm" ? 3 : 0,
  ];
  const denoiser = new TableDenoiser(LENGTH, model);
  const steps = model.kind === "ar" ? {} : { steps: 12 };
  const given = { ...steps, batchSize: 3, ...options, samples, firstSample };
  const { events, outcome } = await collect(sampleEvents(denoiser, given));
  const finished = events.filter((event) => event.type === "finished");
  const forwards = sequencesOfForwards(denoiser);
  expect(forwards).toHaveLength(outcome.stats.forwardCalls);
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  expect(sum(finished.map(({ forwardCalls }) => forwardCalls))).toBe(sum(forwards));
  const isGiven = (position: number) => model.kind === "ar" && position % (LENGTH - 1) === 0;
  const came = outcome.tokens.map((tokens) => tokens.filter((_, i) => !isGiven(i)).length);
  expect(outcome.stats.tokensPerForward).toBeCloseTo(sum(came) / sum(forwards), 12);
  for (const { sample, forwardCalls } of finished) {
    const alone = { ...given, samples: 1, firstSample: sample };
    if (firstSample === 0) continue; // PyTorch's noise has no sample of its own.
    const { outcome: only } = await collect(sampleEvents(new TableDenoiser(LENGTH, model), alone));
    expect(forwardCalls).toBe(only.stats.forwardCalls);
  }
});

it("a token counts once, however often it was remasked, and not where it was given", async () => {
  const pinned = new Map([[0, 2]]);
  const options = { strategy: { kind: "remdm-cap", eta: 1 }, steps: 40, samples: 3 } as const;
  const run = sampleEvents(new TableDenoiser(LENGTH), { ...options, pinned, seed: 2 });
  const { events, outcome } = await collect(run);
  const calls = events.flatMap((event) => (event.type === "finished" ? event.forwardCalls : []));
  const all = calls.reduce((total, count) => total + count, 0);
  expect(outcome.stats.tokensPerForward).toBeCloseTo((3 * (LENGTH - 1)) / all, 12);
  expect(events.some(({ type }) => type === "remasked")).toBe(true);
});
