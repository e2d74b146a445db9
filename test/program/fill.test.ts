// @part backend
/** Gaps are filled on the real backend: the text around them stays, at every kind of place. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { OptionError, Remdm, type FillOptions, type FillText } from "../../src/index.ts";

let remdm: Remdm;
beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: "demo", device: "cpu" });
}, 300_000);
afterAll(() => remdm.close());

const OPTIONS: FillOptions = { steps: 16, samples: 3, seed: 5 };

async function fill(text: FillText, options: FillOptions = {}) {
  return (await remdm.fill(text, { ...OPTIONS, ...options })).result();
}

describe.each(["remdm-loop", "remdm-cap", "confidence", "first-hitting"] as const)(
  "with %s",
  (strategy) => {
    it.each<[string, FillText, number[]]>([
      ["between texts", "ROMEO:\nThe[8] sat on the[4].", [8, 4]],
      ["at both ends", "[3] my lord[2]", [3, 2]],
      ["side by side", "My lord,[2][1] king.", [2, 1]],
      ["alone", "[6]", [6]],
      ["in parts", ["[8] ", 2, " 👑"], [2]],
    ])("fills gaps %s", async (_, text, sizes) => {
      const run = await remdm.fill(text, { samples: 3, seed: 5, strategy });
      const { texts, gaps, tokens } = await run.result();
      expect(texts).toHaveLength(3);
      texts.forEach((whole, i) => {
        let gap = 0;
        const parts = typeof text === "string" ? text.split(/\[(\d+)\]/) : text.map(String);
        const isGap = (k: number): boolean =>
          typeof text === "string" ? k % 2 === 1 : typeof text[k] === "number";
        expect(whole).toBe(parts.map((part, k) => (isGap(k) ? gaps[i][gap++] : part)).join(""));
        expect(gaps[i]).toHaveLength(sizes.length);
        expect(whole).toBe(remdm.tokenizer.decode(tokens[i]));
        expect(tokens[i]).toHaveLength(run.settings.length);
        expect(tokens[i]).not.toContain(remdm.model.maskId);
      });
    });
  },
);

it("tells the gaps with each sample, and begins with the text around them", async () => {
  const run = await remdm.fill("My lord,[4] king.", OPTIONS);
  expect(run.pieces().join("")).toBe("My lord,▒▒▒▒ king.");
  const told: (readonly string[] | undefined)[] = [];
  for await (const event of run) {
    if (event.type === "finished") told[event.sample] = event.gaps;
  }
  expect(told).toEqual((await run.result()).gaps);
});

it("is the run that pins the tokens around the gaps", async () => {
  const [before, after] = [" my lord", " king"];
  const [first, last] = await Promise.all(
    [before, after].map((one) => remdm.tokenizer.encode(one)),
  );
  const length = first.length + 5 + last.length;
  const pinned = new Map([
    ...first.map((token, at) => [at, token] as const),
    ...last.map((token, at) => [length - last.length + at, token] as const),
  ]);
  const { tokens } = await remdm.sample({ ...OPTIONS, length, pinned }).result();
  expect((await fill(`${before}[5]${after}`)).tokens).toEqual(tokens);
});

it("guides, bans and hides special tokens as sampling does", async () => {
  const [comma] = await remdm.tokenizer.encode(",");
  const guide = { reward: () => 0, particles: 2, method: "best-of-n" } as const;
  const options = { guide, banned: [","], guidance: 0.5, specialTokens: false } as const;
  const { gaps, tokens, guided } = await fill("My lord[6] king.", options);
  expect(guided).toHaveLength(3);
  expect(tokens.flat()).not.toContain(comma);
  expect(gaps.flat().join("")).not.toContain(",");
});

it("takes a text that fills the model, and no longer one", async () => {
  expect((await fill(" lord[127]", { steps: 2, samples: 1 })).tokens[0]).toHaveLength(128);
  await expect(remdm.fill(" lord[128]")).rejects.toThrow("129 in all; the model takes at most 128");
});

describe("refuses", () => {
  it.each<[string, unknown, unknown, string]>([
    ["a prompt", "a[1]", { prompt: "b" }, "prompt must be undefined in a fill"],
    ["pinned tokens", "a[1]", { pinned: new Map() }, "pinned must be undefined in a fill"],
    ["a length", "a[1]", { length: 4 }, "length must be undefined in a fill"],
    ["an end", "a[1]", { until: "end" }, "until must be undefined in a fill"],
    ["what sampling refuses", "a[1]", { steps: 0 }, "steps must be an integer in [1, 1000000]"],
    ["guidance towards nothing", "[1]", { guidance: 1 }, "guidance must be 0 without a prompt"],
    ["no text", null, {}, "text must be a text with gaps"],
    ["no options", "a[1]", null, "options must be an object; got null"],
    ["half a character", "\ud83d[1]", {}, 'changes "\\ud83d": as tokens it reads'],
  ])("%s", async (_, text, options, message) => {
    const filled = remdm.fill(text as FillText, options as FillOptions);
    await expect(filled).rejects.toBeInstanceOf(OptionError);
    await expect(filled).rejects.toThrow(message);
  });
});

it("a model without a chat template takes no messages", () => {
  expect(remdm.hasChatTemplate).toBe(false);
  const messages = [{ role: "user", content: "Hi" }];
  expect(() => remdm.sample({ messages })).toThrow("The model demo has no chat template");
});
