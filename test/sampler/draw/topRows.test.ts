/** A denoiser that offers the top of rows: the same tokens as with whole rows, and fewer numbers to carry. */
import { describe, expect, it } from "@jest/globals";
import {
  sample,
  type Denoiser,
  type ForwardRequest,
  type SamplerOptions,
  type Strategy,
  type TopCut,
  type TopRow,
} from "../../../src/sampler/index.ts";
import { TableDenoiser } from "../support/tableDenoiser.ts";

/** Cuts the table's rows as the contract says, one token after the other. */
class CuttingDenoiser extends TableDenoiser {
  readonly asked: TopCut[] = [];

  async top(request: ForwardRequest, wanted: TopCut): Promise<TopRow[]> {
    this.asked.push(wanted);
    const rows = await this.forward(request);
    const { vocabSize, maskId } = this.model;
    return Array.from(request.rows, (_, n) =>
      cut(rows.subarray(n * vocabSize, (n + 1) * vocabSize), maskId, wanted),
    );
  }
}

function cut(
  row: Float32Array,
  maskId: number,
  { mass = Infinity, temperature = 1, topK = Infinity }: TopCut,
): TopRow {
  const ids = [...row.keys()].filter((id) => id !== maskId);
  const max = Math.max(...ids.map((id) => row[id]));
  const weight = (id: number) => Math.exp((row[id] - max) / temperature);
  const sum = (some: readonly number[]) => some.reduce((total, id) => total + weight(id), 0);
  const falling = ids.toSorted((a, b) => row[b] - row[a]).slice(0, topK);
  const goal = (mass + 1e-9) * sum(falling);
  const crossing = falling.findIndex((_, i) => sum(falling.slice(0, i + 1)) > goal);
  const edge = row[falling.at(crossing) ?? -1];
  const kept = ids.filter((id) => row[id] >= edge);
  return {
    ids: Int32Array.from(kept),
    logits: Float32Array.from(kept, (id) => row[id]),
    rest: sum(falling.filter((id) => row[id] < edge)),
    logMass: max + Math.log(ids.reduce((total, id) => total + Math.exp(row[id] - max), 0)),
  };
}

const LENGTH = 12;
const base = { steps: 20, samples: 6, seed: 5 } as const;
const strategies: Strategy[] = [
  { kind: "mdlm" },
  { kind: "remdm-cap", eta: 0.2 },
  { kind: "remdm-conf" },
  { kind: "remdm-loop", eta: 0.1 },
];

async function run(denoiser: Denoiser, options: SamplerOptions) {
  const { tokens } = await sample(denoiser, options);
  return tokens.map((row) => [...row]);
}

describe("the top of rows", () => {
  const cases = strategies.flatMap((strategy) =>
    ([0.3, 0.9] as const).flatMap((topP) =>
      (["original", "paper"] as const).map((quirks) => ({ ...base, strategy, topP, quirks })),
    ),
  );
  const conf = { ...base, strategy: { kind: "remdm-conf" } } as const;
  const rules: [SamplerOptions, TopCut][] = [
    [
      { ...conf, topP: 0.5, temperature: 2 },
      { mass: 0.5, temperature: 2 },
    ],
    [
      { ...conf, topP: 0.9, topK: 2 },
      { mass: 0.9, topK: 2 },
    ],
    [
      { ...conf, topP: 0.6, topK: 2, temperature: 3 },
      { mass: 0.6, topK: 2, temperature: 3 },
    ],
    [{ ...conf, topP: 1, topK: 2, temperature: 0.5 }, { topK: 2 }],
    [{ ...conf, topP: 1, topK: 1 }, { topK: 1 }],
    [{ ...conf, topP: 0.9, temperature: 0, topK: 2 }, { topK: 1 }],
    [{ ...conf, topP: 0.9, topK: 3 }, { mass: 0.9 }], // there are three tokens
  ];

  it.each(cases)("gives the same tokens as whole rows: %j", async (options) => {
    const denoiser = new CuttingDenoiser(LENGTH);
    expect(await run(denoiser, options)).toEqual(await run(new TableDenoiser(LENGTH), options));
    expect(new Set(denoiser.asked)).toEqual(new Set([{ mass: options.topP }]));
    expect(denoiser.asked).toHaveLength(denoiser.requests.length);
  });

  it.each(rules)("gives them for %j too, and is asked for %j", async (options, wanted) => {
    const denoiser = new CuttingDenoiser(LENGTH);
    expect(await run(denoiser, options)).toEqual(await run(new TableDenoiser(LENGTH), options));
    expect(denoiser.asked).toEqual(denoiser.requests.map(() => wanted));
  });

  it.each<SamplerOptions>([{}, { topK: 3 }, { topK: 50_000 }, { temperature: 0.5 }])(
    "is not asked for where nothing is left out: %j",
    async (rule) => {
      const denoiser = new CuttingDenoiser(LENGTH);
      await run(denoiser, { ...base, strategy: { kind: "mdlm" }, topP: 1, ...rule });
      expect(denoiser.requests).not.toEqual([]);
      expect(denoiser.asked).toEqual([]);
    },
  );

  it("is found out when rows are missing", async () => {
    const inner = new CuttingDenoiser(LENGTH);
    const denoiser: Denoiser = {
      model: inner.model,
      forward: (request) => inner.forward(request),
      top: async (request, wanted) => (await inner.top(request, wanted)).slice(1),
    };
    const attempt = run(denoiser, { ...base, strategy: { kind: "mdlm" }, topP: 0.9 });
    await expect(attempt).rejects.toMatchObject({ code: "denoiser_invalid" });
  });

  it.each([NaN, Infinity])("is found out when it holds %p", async (bad) => {
    const inner = new CuttingDenoiser(LENGTH);
    const denoiser: Denoiser = {
      model: inner.model,
      forward: (request) => inner.forward(request),
      top: async (request) =>
        Array.from(request.rows, () => ({
          ids: Int32Array.of(0, 2),
          logits: Float32Array.of(1, bad),
          rest: 0,
          logMass: 2,
        })),
    };
    const attempt = run(denoiser, { ...base, strategy: { kind: "mdlm" }, topP: 0.9 });
    await expect(attempt).rejects.toMatchObject({ code: "denoiser_invalid" });
  });
});
