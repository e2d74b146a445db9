/** Every recorded step of the original's update functions, float32 and bfloat16: the same tokens, the same confidences. */
import { describe, expect, it } from "@jest/globals";
import { advance, removeNoise } from "../../../../src/sampler/loops/parity/advance.ts";
import { ParityConfidence } from "../../../../src/sampler/loops/parity/confidence.ts";
import type { ParityTime } from "../../../../src/sampler/loops/parity/grid.ts";
import type { RowsOfSequence } from "../../../../src/sampler/loops/parity/rows.ts";
import { bindForm, isPublished } from "../../../../src/sampler/loops/parity/form.ts";
import { findStrategy } from "../../../../src/sampler/strategies/find.ts";
import { TorchGenerator } from "../../../../src/sampler/loops/parity/torchGenerator.ts";
import { ParityUpdate } from "../../../../src/sampler/loops/parity/update.ts";
import { Pace } from "../../../../src/foundation/pace.ts";
import { dfmStepSize } from "../../../../src/sampler/strategies/dfm.ts";
import { readGolden } from "../../../support/golden.ts";
import {
  logitsOf,
  strategyOf,
  titleOf,
  type StepCase,
  type StepCases,
} from "../../support/stepCases.ts";

describe("one dense step", () => {
  const recorded = readGolden("steps") as StepCases;

  it("is recorded for all samplers, predictors and number formats", () => {
    const kinds = new Set(recorded.cases.map((c) => [c.dtype, c.sampler, c.predictor].join()));
    expect(recorded.cases).toHaveLength(162);
    expect(kinds.size).toBe(17);
  });

  it.each(recorded.cases.map((step) => [titleOf(step), step] as const))("%s", async (_, step) => {
    const { xs, conf } = await takeStep(step, recorded);
    expect(xs).toEqual(step.xs);
    if (step.confOut === undefined) return;
    // Equal bit for bit in bfloat16; a float32 probability may differ in its last bits, as exp does between CPUs.
    const tolerance = step.dtype === "bfloat16" ? 0 : 2 ** -22;
    step.confOut.flat().forEach((value, i) => {
      const ours = conf.flat()[i];
      if (value === null) expect(ours).toBe(-Infinity);
      else expect(Math.abs(ours - value)).toBeLessThanOrEqual(tolerance * Math.abs(value));
    });
  });

  it("and the roundings matter: without those of bfloat16 a recorded step comes out wrong", async () => {
    const half = recorded.cases.filter(({ dtype }) => dtype === "bfloat16");
    const wrong = await Promise.all(
      half.map(async (step) => {
        const { xs } = await takeStep(step, recorded, "float32");
        return JSON.stringify(xs) !== JSON.stringify(step.xs);
      }),
    );
    expect(wrong.filter(Boolean).length).toBeGreaterThan(0);
  });
});

async function takeStep(
  step: StepCase,
  { V, maskIndex }: StepCases,
  dtype = step.dtype,
): Promise<{ xs: number[][]; conf: number[][] }> {
  const model = {
    kind: step.parameterization === "sedd" ? ("sedd" as const) : ("mdlm" as const),
    vocabSize: V,
    maskId: maskIndex,
    length: step.x[0].length,
    // The recorded logits are what the network returned; only how sigma enters the scores is at stake.
    timeConditioning: step.parameterization === "sedd",
    dtype,
  };
  const { definition, options } = findStrategy(strategyOf(step), model.kind);
  if (definition.parity === undefined || isPublished(definition.parity))
    throw new Error(`${definition.kind} has no parity form`);
  const update = new ParityUpdate(bindForm(definition.parity, options), model, step.nucleusP);
  const t = Math.fround(step.t);
  const dt = Math.fround(step.sampler === "dfm" ? dfmStepSize(t, step.steps) : step.dt);
  const time: ParityTime = { t, dt, s: Math.fround(t - dt) };
  const logits = logitsOf(step);
  const generator = new TorchGenerator(BigInt(step.seed));
  const pace = new Pace(undefined);
  const noise = (out: Float64Array) => {
    for (let v = 0; v < out.length; v++) out[v] = generator.float64();
  };
  const xs: number[][] = [];
  const conf: number[][] = [];
  for (const [b, x] of step.x.entries()) {
    const tokens = Int32Array.from(x);
    const confidence = new ParityConfidence(x.length, update.precision);
    step.conf?.[b].forEach((value, i) => {
      confidence.values[i] = value ?? -Infinity;
    });
    const rows: RowsOfSequence = new Map();
    for (const [i, token] of x.entries()) {
      const begin = (b * x.length + i) * V;
      if (token === maskIndex) rows.set(i, { values: logits.slice(begin, begin + V), mass: NaN });
    }
    const state = { tokens, free: Int32Array.from(tokens.keys()), confidence };
    if (step.predictor === "denoise") {
      xs.push([...(await removeNoise(update, state, rows, t, noise, pace)).tokens]);
    } else {
      for (const row of rows.values()) update.read(row, t);
      xs.push([...(await advance(update, state, rows, time, noise, pace)).tokens]);
    }
    conf.push([...confidence.values]);
  }
  return { xs, conf };
}
