// @part backend
/**
 * A BD3-LM in the published format, sampled through the backend: its KV cache changes no token, texts go on beyond what
 * a block sees, and prompts, gaps and drafts work in its blocks as anywhere.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { join } from "node:path";
import { packageRoot } from "../src/foundation/packageRoot.ts";
import { Remdm, sample, type Denoiser, type SamplerOptions, type Strategy } from "../src/index.ts";

const CONTEXT = 32;
const MASK = 512;
const CHECKPOINT = join(packageRoot, "test", "golden", "llm", "bd3lm");
const STRATEGIES: readonly Strategy[] = [
  { kind: "first-hitting" },
  { kind: "first-hitting", rate: 2 },
  { kind: "remdm-cap", eta: 0.2 },
  { kind: "remdm-conf" },
  { kind: "confidence", cap: 0.3 },
  { kind: "p2" },
];

let remdm: Remdm;

beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: CHECKPOINT, device: "cpu", dtype: "float32" });
}, 120_000);

afterAll(async () => {
  await remdm.close();
});

/** Lets a denoiser forget everything between two calls, and counts them. */
function withoutCache(denoiser: Denoiser): Denoiser & { readonly named: number[] } {
  const named: number[] = [];
  const forgetful = <Request extends { readonly cache?: number }>({
    cache,
    ...request
  }: Request) => {
    if (cache !== undefined) named.push(cache);
    return request;
  };
  const top = denoiser.top?.bind(denoiser);
  const statistics = denoiser.statistics?.bind(denoiser);
  return {
    named,
    model: denoiser.model,
    forward: (request, signal) => denoiser.forward(forgetful(request), signal),
    ...(top !== undefined && {
      top: (request, cut, signal) => top(forgetful(request), cut, signal),
    }),
    ...(statistics !== undefined && {
      statistics: (request, signal) => statistics(forgetful(request), signal),
    }),
  };
}

it("says its blocks", () => {
  expect(remdm.model).toMatchObject({ architecture: "bd3lm", blockLength: 4, length: CONTEXT });
});

describe("the KV cache", () => {
  it.each(STRATEGIES)(
    "changes no token of %j",
    async (strategy) => {
      const options = { strategy, length: CONTEXT + 8, samples: 2, seed: 4, window: 1 } as const;
      const forgetful = withoutCache(remdm.denoiser);
      const [ours, plain] = [
        await sample(remdm.denoiser, options),
        await sample(forgetful, options),
      ];
      expect(ours.tokens).toEqual(plain.tokens);
      expect(ours.stats).toEqual(plain.stats);
      const ahead = await sample(remdm.denoiser, { ...options, window: 4 });
      expect(ahead.tokens).toEqual(plain.tokens);
      expect(ours.tokens.flat()).not.toContain(MASK);
      expect(forgetful.named.length).toBeGreaterThan(0);
    },
    60_000,
  );

  it("changes no token at four times the context", async () => {
    const options: SamplerOptions = { length: 4 * CONTEXT, seed: 9 };
    const ours = await sample(remdm.denoiser, options);
    expect(ours.tokens).toEqual((await sample(withoutCache(remdm.denoiser), options)).tokens);
    expect(ours.tokens[0]).toHaveLength(4 * CONTEXT);
  }, 60_000);

  it("changes no token of guided rows, whose second forward has prefixes of its own", async () => {
    const pinned = new Map([5, 9, 200, 31, 7, 8].entries());
    const options: SamplerOptions = { length: CONTEXT, pinned, guidance: 1.5, samples: 2, seed: 6 };
    const ours = await sample(remdm.denoiser, options);
    expect(ours.tokens).toEqual((await sample(withoutCache(remdm.denoiser), options)).tokens);
    const plain = await sample(remdm.denoiser, { ...options, guidance: 0 });
    expect(ours.tokens).not.toEqual(plain.tokens);
  }, 60_000);
});

it("goes on from a prompt that ends within a block", async () => {
  const { tokens, texts } = await remdm
    .sample({ prompt: "Speak, my lord", length: 21, seed: 2 })
    .result();
  expect(texts[0].startsWith("Speak, my lord")).toBe(true);
  expect(tokens[0]).toHaveLength(21);
});

it("fills gaps, and edits a draft", async () => {
  const filled = await (await remdm.fill("My [3] is [5] here.", { seed: 3 })).result();
  expect(filled.texts[0]).toMatch(/^My .* is .* here\.$/s);
  const draft = "My lord, the king is here and will not speak.";
  const strategy = { kind: "remdm-cap", eta: 0.2 } as const;
  const edited = await (
    await remdm.edit(draft, { suspect: 0.4, t0: 0.9, seed: 3, strategy })
  ).result();
  expect(edited.texts[0]).not.toBe(draft);
});
