/** What only the prompt's tokens tell ends a run when it starts: an error of its own, and nothing is left listening. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Remdm } from "../../src/index.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { removeFakePythons, servingPython } from "../backend/support/fakePython.ts";
import { countedSignal } from "../support/countedSignal.ts";

/** Knows a and b. */
const tokenizer: Tokenizer = {
  name: "letters",
  vocabSize: 2,
  encode: (text, options) => {
    const found = /[^ab]+/.exec(text);
    if (found) options?.onUnknown?.({ text: found[0], position: found.index });
    return Promise.resolve(Array.from(text, (letter) => (letter === "b" ? 1 : 0)));
  },
  decode: (ids) => Array.from(ids, (id) => "ab▒"[id]).join(""),
};
const OPTIONS = { strategy: { kind: "mdlm" }, steps: 2 } as const;

let remdm: Remdm;
beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: ".", python: servingPython(), tokenizer });
}, 60_000);
afterAll(async () => {
  await remdm.close();
  removeFakePythons();
});

describe.each([
  ["has a piece that is unknown", "abé", { name: "TokenizerError", code: "tokenizer_unknown" }],
  ["is too long", "ab".repeat(500), { name: "OptionError", code: "option_invalid" }],
])("a prompt that %s", (_, prompt, error) => {
  it("rejects the result", async () => {
    const { signal, listeners } = countedSignal();
    await expect(remdm.sample({ ...OPTIONS, prompt, signal }).result).rejects.toMatchObject(error);
    expect(listeners()).toBe(0);
  });

  it("ends a loop over the events", async () => {
    const run = remdm.sample({ ...OPTIONS, prompt });
    const loop = async (): Promise<number> => {
      let events = 0;
      for await (const event of run) events += event.type.length;
      return events;
    };
    await expect(loop()).rejects.toMatchObject(error);
    await expect(run.result).rejects.toMatchObject(error);
  });
});

it("other bad options are thrown at once", () => {
  expect(() => remdm.sample({ ...OPTIONS, prompt: "a", steps: 0 })).toThrow("steps must be");
  expect(() => remdm.sample({ ...OPTIONS, prompt: 1 as unknown as string })).toThrow("prompt");
});
