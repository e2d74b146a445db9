/** Semi-autoregressive generation: windows that move on, texts of different lengths. */
import { describe, expect, it, jest } from "@jest/globals";
import { ParityConfidence } from "../../../src/sampler/loops/parity/confidence.ts";
import {
  OptionError,
  sample,
  sampleEvents,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { TextWindow } from "../../../src/sampler/loops/textWindow.ts";
import { ONE_PART } from "../support/onePart.ts";
import { collect, replay } from "../support/replay.ts";
import { MASK, TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 5;
const options: SamplerOptions = {
  strategy: { kind: "remdm-cap", eta: 0.3 },
  steps: 6,
  stride: 2,
  strides: 3,
  samples: 4,
  seed: 2,
};

describe.each([
  ["events", {}],
  ["dense", { executor: "dense" }],
] as const)("%s", (_, executor) => {
  const long = { ...options, ...executor };

  it("fills L + strides * stride tokens, without masks", async () => {
    const { tokens } = await sample(new TableDenoiser(LENGTH), long);
    expect(tokens.map((ids) => ids.length)).toEqual([11, 11, 11, 11]);
    expect(tokens.some((ids) => ids.includes(MASK))).toBe(false);
  });

  it("moves the window by the stride, keeps what is in it, and asks about the rest alone", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    const strategy = { kind: "mdlm" } as const; // reveals only: what stands in a window is in the text
    const { tokens } = await sample(denoiser, { ...long, strategy, samples: 1 });
    const [text] = tokens;
    const windows = denoiser.requests.map(({ tokens: seen, rows }) => {
      const offset = [6, 4, 2, 0].find((begin) =>
        seen.every((token, i) =>
          token === MASK ? begin === 0 || i >= 3 : token === text[begin + i],
        ),
      );
      return { offset, fresh: offset === 0 || rows.every((row) => row >= 3) };
    });
    expect(windows.every(({ fresh }) => fresh)).toBe(true);
    expect(new Set(windows.map(({ offset }) => offset))).toEqual(new Set([0, 2, 4, 6]));
  });

  it("tells of positions in the text: the events add up to it", async () => {
    const { events, outcome } = await collect(sampleEvents(new TableDenoiser(LENGTH), long));
    const states = replay(events, new Array<number>(11).fill(MASK), MASK);
    expect(outcome.tokens.map((ids, b) => [...ids].join() === states.get(b)?.join())).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const progress = events.filter((event) => event.type === "progress");
    const last = progress.at(-1);
    expect(last?.done).toBe(last?.total);
    progress.forEach(({ done }, i) => {
      if (i > 0) expect(done).toBeGreaterThanOrEqual(progress[i - 1].done);
    });
  });

  it("ends a text before the first end-of-text token, which may begin it", async () => {
    const denoiser = new TableDenoiser(LENGTH, { eosId: 2 });
    const whole = await sample(new TableDenoiser(LENGTH), long);
    const { tokens } = await sample(denoiser, long);
    tokens.forEach((ids, b) => {
      const end = whole.tokens[b].indexOf(2, 1);
      expect([...ids]).toEqual([...whole.tokens[b].slice(0, end < 0 ? undefined : end)]);
    });
    expect(new Set(tokens.map((ids) => ids.length)).size).toBeGreaterThan(1);
  });

  it("keeps a prompt in the first window", async () => {
    const pinned = new Map([[0, 3]]);
    const { tokens } = await sample(new TableDenoiser(LENGTH), { ...long, pinned });
    expect(tokens.every((ids) => ids[0] === 3)).toBe(true);
  });
});

it("in the dense form too, a window knows nothing of the confidences of the last one", async () => {
  const known: number[] = [];
  const watch = jest.spyOn(ParityConfidence.prototype, "shares").mockImplementation(function (
    this: ParityConfidence,
  ) {
    known.push(this.values.filter((value) => value !== -Infinity).length);
    return () => 0;
  });
  try {
    await sample(new TableDenoiser(LENGTH), {
      executor: "dense",
      strategy: { kind: "remdm-conf" },
      steps: 1,
      stride: 2,
      strides: 2,
    });
  } finally {
    watch.mockRestore();
  }
  // Two updates a window; the first of each sees no confidences.
  expect(known.filter((_, i) => i % 2 === 0)).toEqual([0, 0, 0]);
});

it("a sample does not depend on its batch", async () => {
  const all = await sample(new TableDenoiser(LENGTH), options);
  const alone = await sample(new TableDenoiser(LENGTH), {
    ...options,
    samples: 1,
    firstSample: 2,
  });
  expect(alone.tokens[0]).toEqual(all.tokens[2]);
});

it.each([
  [{ stride: 5 }, "stride must be an integer in [1, 4]"],
  [{ stride: undefined }, "stride must be an integer in [1, 4]; got undefined"],
  [{ strides: 0 }, "strides must be an integer in [1, 1000000]"],
  [{ strategy: { kind: "dfm" } }, "stride must be undefined with the strategy dfm"],
  [{ strategy: { kind: "analytic" } }, "stride must be undefined with the strategy analytic"],
])("refuses %j", async (wrong, message) => {
  const untyped: unknown = { ...options, ...wrong };
  const attempt = sample(new TableDenoiser(LENGTH), untyped as SamplerOptions);
  await expect(attempt).rejects.toThrow(OptionError);
  await expect(attempt).rejects.toThrow(message);
});

describe("a window", () => {
  it("slides: what leaves it stays in the text", () => {
    const pinned = new Map([[0, 7]]);
    const windows = { ...ONE_PART, parts: 2, stride: 2, firstBlock: 1 };
    const window = new TextWindow({ ...windows, maskId: 9, length: 3, pinned });
    expect([...window.free]).toEqual([1, 2]);
    window.tokens.set([7, 1, 2]);
    window.next();
    expect([...window.tokens]).toEqual([2, 9, 9]);
    expect([...window.free]).toEqual([1, 2]);
    expect(window.offset).toBe(2);
    window.tokens.set([2, 7, 4]);
    expect([...window.text()]).toEqual([7, 1, 2, 7, 4]);
    expect(window.done).toBe(false);
    window.next();
    expect(window.done).toBe(true);
  });
});
