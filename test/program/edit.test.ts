// @part backend
/** Drafts are edited on the real backend: only what is suspect changes. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { OptionError, Remdm, type EditOptions, type Suspect } from "../../src/index.ts";

const DRAFT = "ROMEO:\nO, speak again, bright angel! for thou art 👑\nAs glorious to this night.";
let remdm: Remdm;
let draft: readonly number[];
beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: "demo", device: "cpu" });
  draft = await remdm.tokenizer.encode(DRAFT);
}, 300_000);
afterAll(() => remdm.close());

const OPTIONS = { steps: 16, samples: 8, seed: 5 } as const;

/** @returns the positions at which any sample differs from the draft. */
async function changed(suspect: Suspect, options: Partial<EditOptions> = {}): Promise<number[]> {
  const run = await remdm.edit(DRAFT, { ...OPTIONS, suspect, t0: 1, ...options });
  const { tokens } = await run.result();
  for (const ids of tokens) expect(ids).toHaveLength(draft.length);
  return draft.flatMap((token, at) => (tokens.some((ids) => ids[at] !== token) ? [at] : []));
}

/** @returns the text of tokens of the draft. */
const textOf = (positions: readonly number[]): string =>
  remdm.tokenizer.decode(positions.map((at) => draft[at]));

const range = (words: string) => {
  const from = DRAFT.indexOf(words);
  return { from, to: from + words.length };
};

it("changes a range of characters, and the whole of a token that it begins in", async () => {
  expect(textOf(await changed([range("right ange")]))).toBe(" bright ange");
  expect(await changed([range("👑")])).toHaveLength((await remdm.tokenizer.encode("👑")).length);
});

it("changes positions", async () => {
  const suspect = [3, draft.length - 1];
  expect(await changed(suspect)).toEqual(suspect);
});

it("changes a share that the seed chooses", async () => {
  const first = await changed(0.25);
  expect(first.length).toBeLessThanOrEqual(Math.round(draft.length / 4));
  expect(first.length).toBeGreaterThan(draft.length / 8);
  expect(await changed(0.25)).toEqual(first);
  expect(await changed(0.25, { seed: 6 })).not.toEqual(first);
  expect(await changed(1e-9)).toHaveLength(1);
});

it("changes less from an earlier time, and with a strategy that remasks nothing", async () => {
  const shareOf = async (t0: number): Promise<number> => {
    const run = await remdm.edit(DRAFT, { ...OPTIONS, suspect: 1, t0, strategy: "mdlm" });
    const { tokens } = await run.result();
    const kept = tokens.flatMap((ids) => ids.filter((token, at) => token === draft[at]));
    return 1 - kept.length / (8 * draft.length);
  };
  expect(await shareOf(0.05)).toBeLessThan(0.15);
  expect(await shareOf(1)).toBeGreaterThan(0.6);
});

it("begins with the draft, tells what is masked, and remasks what was not", async () => {
  const options = { steps: 64, samples: 4, suspect: 1, t0: 0.3 } as const;
  const strategy = { kind: "remdm-rescale", eta: 0.5 } as const;
  const run = await remdm.edit(DRAFT, { ...options, strategy });
  expect(run.pieces().join("")).toBe(DRAFT);
  const taken = { first: 0, later: 0 };
  const begun = new Set<number>();
  for await (const event of run) {
    if (event.type !== "remasked") continue;
    taken[begun.has(event.sample) ? "later" : "first"] += event.positions.length;
    begun.add(event.sample);
  }
  expect(taken.first / (4 * draft.length)).toBeGreaterThan(0.15);
  expect(taken.first / (4 * draft.length)).toBeLessThan(0.45);
  expect(taken.later).toBeGreaterThan(0);
  expect((await run.result()).texts).toHaveLength(4);
});

it("takes remdm-cap where no strategy is named", async () => {
  const run = await remdm.edit(DRAFT, { suspect: 0.5, t0: 0.5 });
  expect(run.settings.strategy.kind).toBe("remdm-cap");
  expect(run.settings.length).toBe(draft.length);
});

describe("refuses", () => {
  it.each<[string, unknown, unknown, string]>([
    ["an empty draft", "", {}, "draft must be a text that is not empty"],
    ["no text", 7, {}, "draft must be a text that is not empty; got 7"],
    ["half a character", "a\ud83d", {}, "changes"],
    ["a long draft", "a b".repeat(200), {}, "the model takes at most 128"],
    ["no t0", DRAFT, { t0: undefined }, "t0 must be a time in (1e-5, 1]"],
    ["a t0 of 0", DRAFT, { t0: 0 }, "t0 must be a time in (1e-5, 1]; got 0"],
    ["no suspect", DRAFT, { suspect: undefined }, "suspect must be a share in (0, 1], or"],
    ["a share of 0", DRAFT, { suspect: 0 }, "suspect must be a share in (0, 1]; got 0"],
    ["a share above 1", DRAFT, { suspect: 2 }, "suspect must be a share in (0, 1]; got 2"],
    ["no positions", DRAFT, { suspect: [] }, "suspect must be a share"],
    ["a position beyond", DRAFT, { suspect: [99] }, "suspect position must be an integer in [0,"],
    ["an empty range", DRAFT, { suspect: [{ from: 3, to: 3 }] }, "suspect.to must be an integer"],
    ["a range beyond", DRAFT, { suspect: [{ from: 3, to: 999 }] }, "suspect.to must be an integer"],
    ["half a range", DRAFT, { suspect: [{ from: 3 }] }, "suspect.to must be an integer"],
    ["a start", DRAFT, { start: {} }, "start must be undefined in an edit"],
    [
      "no grid",
      DRAFT,
      { strategy: "first-hitting" },
      "The strategy first-hitting cannot begin from a draft",
    ],
  ])("%s", async (_, text, options, message) => {
    const given = { suspect: 0.5, t0: 0.5, ...(options as Partial<EditOptions>) };
    const edited = remdm.edit(text as string, given);
    await expect(edited).rejects.toBeInstanceOf(OptionError);
    await expect(edited).rejects.toThrow(message);
  });
});
