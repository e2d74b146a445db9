/**
 * One step of the original's update functions, recorded with its logits and its seed, comes out of our chances
 * (u, r), our nucleus and the original's noise: `p / (1e-10 - log(rand + 1e-10))`, argmax, over the whole vocabulary.
 */
import { describe, expect, it } from "@jest/globals";
import { TorchGenerator } from "../../../src/sampler/loops/parity/torchGenerator.ts";
import { RowSampler } from "../../../src/sampler/draw/rowSampler.ts";
import { Confidence } from "../../../src/sampler/loops/confidence.ts";
import { stepOf } from "../../../src/sampler/plan.ts";
import { dfmNextTime } from "../../../src/sampler/strategies/dfm.ts";
import { findStrategy } from "../../../src/sampler/strategies/find.ts";
import { readGolden } from "../../support/golden.ts";
import {
  logitsOf,
  strategyOf,
  titleOf,
  type StepCase,
  type StepCases,
} from "../support/stepCases.ts";

describe("one step of the original", () => {
  const steps = readGolden("steps") as StepCases;
  const mdlm = steps.cases.filter(
    ({ parameterization, dtype, predictor }) =>
      parameterization === "subs" && dtype === "float32" && predictor.startsWith("ddpm"),
  );

  it("is recorded for every named strategy", () => {
    const samplers = new Set(mdlm.map(({ sampler }) => sampler));
    expect([...samplers].sort()).toEqual([
      "dfm",
      "forward-backward",
      "mdlm",
      "remdm-cap",
      "remdm-conf",
      "remdm-loop",
      "remdm-rescale",
    ]);
    expect(mdlm.length).toBeGreaterThanOrEqual(70);
  });

  it.each(mdlm.map((step) => [titleOf(step), step] as const))("%s", (_, step) => {
    const { xs, conf } = takeStep(step, steps);
    expect(xs).toEqual(step.xs);
    if (step.confOut === undefined) return;
    conf.forEach((row, b) =>
      row.forEach((value, i) => {
        const expected = step.confOut?.[b][i] ?? -Infinity;
        if (expected === -Infinity) expect(value).toBe(-Infinity);
        else expect(value).toBeCloseTo(expected, 5);
      }),
    );
  });

  const dfm = mdlm.filter(({ sampler }) => sampler === "dfm");
  it.each(dfm.map((step) => [titleOf(step), step] as const))("next time of %s", (_, step) => {
    // The original holds t in float32.
    expect(dfmNextTime(Math.fround(step.t), step.steps)).toBeCloseTo(step.nextT ?? NaN, 12);
  });
});

function takeStep(
  step: StepCase,
  { V, maskIndex }: StepCases,
): { xs: number[][]; conf: number[][] } {
  const { definition, options } = findStrategy(strategyOf(step), "mdlm");
  if (!("transition" in definition)) throw new Error(`${definition.kind} does not draw first`);
  const s = definition.kind === "dfm" ? dfmNextTime(step.t, step.steps) : step.t - step.dt;
  const { reveal, remask } = definition.transition(options, stepOf(step.t, s, "original"));
  const logits = logitsOf(step);
  const rows = new RowSampler({ vocabSize: V, maskId: maskIndex }, { topP: step.nucleusP });
  const generator = new TorchGenerator(BigInt(step.seed));
  const conf = step.x.map((tokens, b) => tokens.map((_, i) => step.conf?.[b][i] ?? -Infinity));
  const xs = step.x.map((tokens, b) => {
    const confidence = new Confidence(tokens.length);
    tokens.forEach((token, i) => {
      if (token !== maskIndex) confidence.reveal(i, -conf[b][i]);
    });
    const total = confidence.total();
    return tokens.map((token, i) => {
      const noise = Array.from({ length: V }, () => generator.float64());
      const gumbelNorm = noise.map((rand) => 1e-10 - Math.log(rand + 1e-10));
      if (token !== maskIndex) {
        const r = step.sampler === "remdm-conf" ? remask * confidence.share(i, total) : remask;
        const stays = (1 - r) / gumbelNorm[token] > r / gumbelNorm[maskIndex];
        if (!stays) conf[b][i] = -Infinity;
        return stays ? token : maskIndex;
      }
      const begin = (b * tokens.length + i) * V;
      const drawn = rows.draw(
        logits.subarray(begin, begin + V),
        { sample: b, step: 0, position: i },
        { position: () => 0, token: (_sample, _step, _position, id) => 1 - noise[id] },
      );
      const stays =
        (1 - reveal) / gumbelNorm[maskIndex] >
        (reveal * drawn.probability) / gumbelNorm[drawn.token];
      if (stays) return maskIndex;
      conf[b][i] = -drawn.probability;
      return drawn.token;
    });
  });
  return { xs, conf };
}
