// @part backend
/** Texts of the bundled models, on the real backend: pieces, ends, special tokens. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { OptionError, Remdm, type SampleOptions } from "../../src/index.ts";

let remdm: Remdm;
beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: "demo-ar", device: "cpu" });
}, 300_000);
afterAll(() => remdm.close());

const options: SampleOptions = { samples: 8, length: 64, topP: 0.9, seed: 12 };
const END = "<|endoftext|>";

it("the pieces of an ar text are the text, and come from left to right", async () => {
  const run = remdm.sample({ ...options, prompt: "ROMEO:", samples: 1 });
  let last = 0;
  let written = "";
  for await (const event of run) {
    if (event.type !== "revealed") continue;
    for (const { position, text } of event.pieces) {
      expect(position).toBeGreaterThan(last);
      last = position;
      written += text;
    }
  }
  expect((await run.result()).texts).toEqual([`${END}${written}${END}`]);
});

it("special tokens are left out of texts where asked", async () => {
  const plain = await remdm.sample(options).result();
  const bare = await remdm.sample({ ...options, specialTokens: false }).result();
  expect(plain.texts[0]).toMatch(new RegExp(`^${END.replaceAll("|", "\\|")}`));
  expect(bare.texts).toEqual(plain.texts.map((text) => text.replaceAll(END, "")));
  expect(bare.tokens).toEqual(plain.tokens);
});

it("a token can be made the end: texts are cut there, and nothing is drawn behind it", async () => {
  const [newline] = await remdm.tokenizer.encode("\n");
  const plain = await remdm.sample(options).result();
  const ends = { ...remdm.tokenizer, bosId: 0, eosId: newline };
  await using other = await Remdm.launch({ checkpoint: "demo-ar", device: "cpu", tokenizer: ends });
  const { tokens, finishReasons, texts, entropies, stats } = await other
    .sample({
      ...options,
      until: "end",
    })
    .result();
  const cut = plain.tokens.map((ids) => {
    const end = ids.indexOf(newline, 1);
    return end < 0 ? ids.slice(0, -1) : ids.slice(0, end);
  });
  expect(tokens).toEqual(cut);
  expect(texts).toEqual(cut.map((ids) => ends.decode(ids)));
  expect(finishReasons).toContain("end");
  expect(entropies).toHaveLength(8);
  expect(stats.forwardRows).toBeLessThan(plain.stats.forwardRows);
}, 300_000);

describe("refuses", () => {
  it.each([
    [{ specialTokens: null }, "specialTokens must be true or false; got null"],
    [{ specialTokens: "no" }, 'specialTokens must be true or false; got "no"'],
    [{ until: "stop" }, 'until must be "length" or "end"; got "stop"'],
    [null, "options must be an object; got null"],
  ])("%j", (given, message) => {
    const untyped = given as unknown as SampleOptions;
    expect(() => remdm.sample(untyped)).toThrow(OptionError);
    expect(() => remdm.sample(untyped)).toThrow(message);
  });
});
