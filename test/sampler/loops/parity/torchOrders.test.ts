// @part backend
/**
 * What else is copied from PyTorch and hangs on an order, beside PyTorch itself: which tokens a nucleus keeps, partial
 * sums, and which of equal numbers an argmax takes.
 */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { AutoregressiveDraw } from "../../../../src/sampler/loops/parity/autoregressiveDraw.ts";
import { drawKept, drawWeighted } from "../../../../src/sampler/loops/parity/draw.ts";
import { ParityNucleus } from "../../../../src/sampler/loops/parity/nucleus.ts";
import {
  argmax,
  nextLogProbabilities,
} from "../../../../src/sampler/loops/parity/parameterization.ts";
import { precisionOf } from "../../../../src/sampler/loops/parity/precision.ts";
import { TorchGenerator } from "../../../../src/sampler/loops/parity/torchGenerator.ts";
import { prepare } from "../../../../src/sampler/prepare.ts";
import { describeUnless } from "../../../support/describeUnless.ts";
import { askTorch, type Question } from "../../support/pytorch.ts";
import { bfloat16Softmax, generator } from "../../support/tiedRows.ts";

type Dtype = "float32" | "bfloat16";

interface Row {
  readonly dtype: Dtype;
  readonly kind: string;
  readonly values: Float32Array;
}

const SIZES = [4, 17, 97, 513, 5000];

function rowsOf(size: number): Row[] {
  const uniform = generator(size);
  const power = 2 ** -Math.ceil(Math.log2(size));
  const values: readonly (readonly [string, Float32Array])[] = [
    ["all equal", new Float32Array(size).fill(power)],
    ["three values", Float32Array.from({ length: size }, () => Math.ceil(3 * uniform()) * power)],
    ["a softmax with ties", bfloat16Softmax(size, size + 1)],
    ["one token alone", new Float32Array(size).fill(1, size - 2, size - 1)],
  ];
  return values.flatMap(([kind, row]) =>
    (["float32", "bfloat16"] as const).map((dtype) => ({ dtype, kind, values: row })),
  );
}

const ROWS = SIZES.flatMap(rowsOf);
const title = ({ dtype, kind, values }: Row) => `${dtype}, ${kind} of ${values.length}`;
const TITLED = ROWS.map((row) => [title(row), row] as const);

describe("the first of equal numbers", () => {
  let answers: Map<Row, number>;
  beforeAll(async () => {
    const given = await askTorch(
      ROWS.map(({ dtype, values }) => ({ what: "argmax", dtype, values })),
    );
    answers = new Map(ROWS.map((row, i) => [row, new Int32Array(given[i])[0]]));
  });

  it.each(TITLED)("is PyTorch's argmax, the final noise removal: %s", (_, row) => {
    expect(argmax(row.values)).toBe(answers.get(row));
  });

  it("is PyTorch's argmax in doubles, which draws: the race of equal weights with equal noise", async () => {
    const races = [0, 1, -1].map((weight) => new Float32Array(700).fill(weight, 13, 600));
    const theirs = await askTorch(
      races.map((values): Question => ({ what: "argmax", dtype: "float64", values })),
    );
    const noise = new Float64Array(700).fill(0.5);
    const ours = races.map((weights) => drawWeighted(Float64Array.from(weights), noise));
    expect(ours).toEqual(theirs.map((answer) => new Int32Array(answer)[0]));
    expect(new Set(ours)).toEqual(new Set([0, 13]));
  });
});

describe("partial sums", () => {
  it("are PyTorch's cumsum, bit for bit", async () => {
    const falling = ROWS.map((row) => ({ ...row, values: row.values.slice().sort().reverse() }));
    const answers = await askTorch(
      falling.map(({ dtype, values }): Question => ({ what: "cumsum", dtype, values })),
    );
    const wrong = falling.filter(({ dtype, values }, i) => {
      const { accumulate, round } = precisionOf(dtype);
      let sum = 0;
      const ours = values.map((value) => round((sum = accumulate(sum + value))));
      const theirs = new Float32Array(answers[i]);
      return !ours.every((value, at) => value === theirs[at]);
    });
    expect(wrong.map(title)).toEqual([]);
  });
});

const elsewhere =
  process.platform === "linux" ? undefined : "PyTorch's sort is another C++ library's here";

describeUnless(elsewhere, "a nucleus", () => {
  it("keeps the tokens that PyTorch's keeps", async () => {
    const cases = [0.1, 0.5, 0.9, 0.999].flatMap((topP) => ROWS.map((row) => ({ ...row, topP })));
    const answers = await askTorch(
      cases.map(({ dtype, values, topP }): Question => ({ what: "nucleus", dtype, values, topP })),
    );
    const wrong = cases.filter(({ dtype, values, topP }, i) => {
      const row = values.slice();
      new ParityNucleus(row.length, topP, precisionOf(dtype)).filter(row);
      const theirs = new Float32Array(answers[i]);
      // PyTorch sums what is kept in another order: the last bit of the total may differ.
      const tolerance = dtype === "float32" ? 2 ** -22 : 2 ** -7;
      return !row.every(
        (p, v) => (p === 0) === (theirs[v] === 0) && Math.abs(p - theirs[v]) <= tolerance * p,
      );
    });
    expect(wrong.map((one) => `${title(one)}, p = ${one.topP}`)).toEqual([]);
  });
});

describe("a tie of a token and the mask", () => {
  it.each([
    [5, 12],
    [20, 12],
  ])("goes to the lower id, as any tie of an argmax does: %i and %i", (token, mask) => {
    const noise = new Float64Array(30).fill(0.25);
    const race = new Float64Array(30).map((_, v) => (v === token || v === mask ? 0.5 : 0));
    const weights = { keep: 0.5, mask: 0.5 };
    expect(drawKept(token, mask, weights, noise)).toBe(Math.min(token, mask));
    expect(drawWeighted(race, noise)).toBe(Math.min(token, mask));
  });
});

describe("the Gumbel race of an autoregressive model", () => {
  it("is run in float32: of sums that are equal there, the first token wins", () => {
    const model = { vocabSize: 3, maskId: 2, bosId: 0, length: 3, timeConditioning: false };
    const ar = { ...model, kind: "ar" } as const;
    let ties = 0;
    for (let seed = 1; seed < 20; seed++) {
      const options = prepare({ executor: "dense", noise: "torch", seed }, ar);
      const generator = new TorchGenerator(BigInt(seed));
      const noise = [generator.gumbel32(), generator.gumbel32()];
      for (let i = -50; i < 50; i++) {
        const row = Float32Array.of(0, noise[0] - noise[1] + i * 2 ** -24, 0);
        const logs = row.slice();
        nextLogProbabilities(logs, ar.maskId, precisionOf("float32"));
        const [first, second] = noise.map((gumbel, v) => logs[v] + gumbel);
        if (second <= first || Math.fround(first) !== Math.fround(second)) continue;
        ties++;
        const draw = new AutoregressiveDraw(ar, options);
        draw.begin(1);
        expect(draw.draw(row, 0).token).toBe(0);
      }
    }
    expect(ties).toBeGreaterThan(0);
  });
});
