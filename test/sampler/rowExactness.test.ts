// @part slow
/**
 * A strategy of one's own that asks first has the distribution that enumeration gives, in the middle of the run and
 * at its end: with remasks and redraws, windows, pinned positions, a nucleus and both last steps.
 *
 * Seeds are fixed. With P_MIN = 1e-5 and fewer than 30 comparisons, a correct sampler would fail one of them for
 * fewer than 1 in 3,000 choices of seeds.
 */
import { describe, expect, it } from "@jest/globals";
import { defineStrategy, sampleEvents, type TokenId } from "../../src/sampler/index.ts";
import { goodnessOfFit } from "./support/chiSquare.ts";
import { collect, replay } from "./support/replay.ts";
import { enumerateRows, type RowChances, type RowMistake } from "./support/rowChain.ts";
import { MASK, TableDenoiser, tableLogits } from "./support/tableDenoiser.ts";

const P_MIN = 1e-5;
const SAMPLES = 5000;
const TIMES = [1, 0.7, 0.35, 0.1];

const CHANCES: RowChances = {
  reveal: (most, t, s) => Math.min(1, (1.2 * most * (t - s)) / t),
  remask: (own, t) => 0.5 * t * (1 - own),
  redraw: (own) => 0.4 * (1 - own),
};
/** Without these, a position changes once. */
const REVEALS_ONLY: RowChances = { ...CHANCES, remask: () => 0, redraw: () => 0 };

interface Case {
  readonly revealed: boolean;
  readonly lastStep?: "draw";
  readonly topP?: number;
  readonly length?: number;
  readonly windows?: { readonly stride: number; readonly strides: number };
  readonly pinned?: ReadonlyMap<number, TokenId>;
}

/** Reveals, remasks and redraws by one uniform number a position. */
function strategyOf({ revealed, lastStep }: Case) {
  const { reveal, remask, redraw } = CHANCES;
  const positions = (rows: readonly { readonly position: number }[]) =>
    rows.map(({ position }) => position);
  return defineStrategy({
    kind: "by-chance",
    source: "a test",
    summary: "changes each position with a chance that its row says",
    statistics: ["max", "given"],
    revealed,
    lastStep: lastStep ?? "argmax",
    select: (_, { t, s }, rows) => {
      const tokens = rows.filter(({ masked }) => !masked);
      const chance = ({ given }: { given: number }) => remask(Math.exp(given), t);
      const both = ({ given }: { given: number }) => {
        return remask(Math.exp(given), t) + redraw(Math.exp(given), t);
      };
      return {
        reveal: positions(
          rows.filter(
            ({ masked, max, uniform }) => masked && uniform < reveal(Math.exp(max), t, s),
          ),
        ),
        remask: positions(tokens.filter((row) => row.uniform < chance(row))),
        redraw: positions(
          tokens.filter((row) => row.uniform >= chance(row) && row.uniform < both(row)),
        ),
      };
    },
  });
}

const whole: Case = { revealed: true, length: 3 };
const onlyReveals: Case = { revealed: false, length: 3 };
const windows = { stride: 1, strides: 1 };
const pinned = new Map([[1, 2]]);

describe("the distribution is that of the enumeration", () => {
  it.each<[string, Case]>([
    ["reveals alone", onlyReveals],
    ["reveals, with a nucleus", { ...onlyReveals, topP: 0.8 }],
    ["remasks and redraws", whole],
    ["remasks and redraws, with a nucleus", { ...whole, topP: 0.7 }],
    ["a last step that draws", { ...whole, lastStep: "draw" }],
    ["a last step that draws, with a nucleus", { ...onlyReveals, lastStep: "draw", topP: 0.8 }],
    ["a pinned position", { ...whole, pinned }],
    ["two windows", { revealed: true, length: 2, windows }],
    [
      "three windows, reveals alone",
      { revealed: false, length: 2, windows: { stride: 1, strides: 2 } },
    ],
    ["two windows, a pinned position, a nucleus", { ...whole, windows, pinned, topP: 0.8 }],
  ])("%s", async (_, options) => {
    const p = await compare(options);
    expect(p.middle).toBeGreaterThan(P_MIN);
    expect(p.end).toBeGreaterThan(P_MIN);
  });
});

describe("the same comparison finds out a sampler in which", () => {
  it.each<[RowMistake, Case]>([
    ["the network sees the remasks of the same step", whole],
    ["nothing is redrawn", whole],
    ["doubt is about the likeliest token", whole],
    ["the last step takes the likeliest token", { ...onlyReveals, lastStep: "draw" }],
    ["the nucleus is left out", { ...whole, topP: 0.7 }],
    ["what a window keeps may change", { revealed: true, length: 2, windows }],
    ["pinned positions change", { ...whole, pinned }],
    ["time stands still", whole],
  ])("%s", async (mistake, options) => {
    const p = await compare(options, mistake);
    expect(Math.min(p.middle, p.end)).toBeLessThan(P_MIN);
  });
});

/** p-values of {@link SAMPLES} texts of the sampler against the chain, with or without a mistake in the latter. */
async function compare(
  options: Case,
  mistake?: RowMistake,
): Promise<{ readonly middle: number; readonly end: number }> {
  const { revealed, length = 2, windows, topP = 1, pinned = new Map<number, TokenId>() } = options;
  const { stride, strides } = windows ?? { stride: 0, strides: 0 };
  const exact = enumerateRows({
    chances: revealed ? CHANCES : REVEALS_ONLY,
    times: TIMES,
    topP,
    lastStep: options.lastStep ?? "argmax",
    length,
    stride,
    strides,
    maskId: MASK,
    logits: tableLogits,
    pinned,
    mistake,
  });
  const denoiser = new TableDenoiser(length, {}, tableLogits, revealed);
  const { events } = await collect(
    sampleEvents(denoiser, {
      strategy: strategyOf(options),
      steps: TIMES,
      topP,
      pinned,
      seed: 5,
      samples: SAMPLES,
      batchSize: 64,
      ...windows,
    }),
  );
  const start = Array.from({ length: length + stride * strides }, (_, i) => pinned.get(i) ?? MASK);
  const pValue = (step: number): number => {
    const counts = new Map<string, number>();
    for (const text of replay(events, start, MASK, step).values()) {
      counts.set(text.join(), (counts.get(text.join()) ?? 0) + 1);
    }
    return goodnessOfFit(counts, exact[Math.min(step, exact.length - 1)]);
  };
  return { middle: pValue(exact.length - 3), end: pValue(Infinity) };
}
