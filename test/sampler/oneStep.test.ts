/**
 * One step of the original's update functions, recorded with its logits and its seed, comes out of our chances
 * (u, r), our nucleus and the original's noise: `p / (1e-10 - log(rand + 1e-10))`, argmax, over the whole vocabulary.
 */
import { describe, expect, it } from "@jest/globals";
import { RowSampler } from "../../src/sampler/categorical.ts";
import { Confidence } from "../../src/sampler/confidence.ts";
import type { Strategy } from "../../src/sampler/index.ts";
import { transition } from "../../src/sampler/plan.ts";
import { dfmNextTime } from "../../src/sampler/strategies/dfm.ts";
import { ruleOf } from "../../src/sampler/strategies/rule.ts";
import { Mt19937 } from "./support/mt19937.ts";
import { describeWithReference } from "./support/reference.ts";

interface StepCase {
  readonly parameterization: string;
  readonly dtype: string;
  readonly predictor: string;
  readonly sampler: string;
  readonly nucleusP: number;
  readonly steps: number;
  readonly t: number;
  readonly dt: number;
  readonly nextT?: number;
  readonly seed: number;
  readonly x: number[][];
  readonly logits: string;
  readonly xs: number[][];
  readonly eta?: number;
  readonly tOn?: number;
  readonly tOff?: number;
  readonly alphaOn?: number;
  readonly conf?: (number | null)[][];
  readonly confOut?: (number | null)[][];
}

interface Steps {
  readonly V: number;
  readonly maskIndex: number;
  readonly uniforms: {
    readonly seed: number;
    readonly float64: number[];
    readonly seed12345_last4_of_2000: number[];
  };
  readonly cases: StepCase[];
}

describeWithReference("one step of the original", "steps.json", (data) => {
  const steps = data as Steps;
  const mdlm = steps.cases.filter(
    ({ parameterization, dtype, predictor }) =>
      parameterization === "subs" && dtype === "float32" && predictor.startsWith("ddpm"),
  );

  describe("the test's own MT19937 is PyTorch's", () => {
    it("in its first doubles and in its last of 2,000", () => {
      const first = new Mt19937(steps.uniforms.seed);
      expect(steps.uniforms.float64.map(() => first.double())).toEqual(steps.uniforms.float64);
      const other = new Mt19937(12345);
      const doubles = Array.from({ length: 2000 }, () => other.double());
      expect(doubles.slice(-4)).toEqual(steps.uniforms.seed12345_last4_of_2000);
    });
  });

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

  it.each(mdlm.map((step) => [title(step), step] as const))("%s", (_, step) => {
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
  it.each(dfm.map((step) => [title(step), step] as const))("next time of %s", (_, step) => {
    // The original holds t in float32.
    expect(dfmNextTime(Math.fround(step.t), step.steps)).toBeCloseTo(step.nextT ?? NaN, 12);
  });
});

function takeStep(step: StepCase, { V, maskIndex }: Steps): { xs: number[][]; conf: number[][] } {
  const rule = ruleOf(strategyOf(step));
  const s = rule.kind === "dfm" ? dfmNextTime(step.t, step.steps) : step.t - step.dt;
  const { reveal, remask } = transition(rule, step.t, s);
  const logits = float32(step.logits);
  const rows = new RowSampler({ vocabSize: V, maskId: maskIndex }, step.nucleusP);
  const generator = new Mt19937(step.seed);
  const conf = step.x.map((tokens, b) => tokens.map((_, i) => step.conf?.[b][i] ?? -Infinity));
  const xs = step.x.map((tokens, b) => {
    const confidence = new Confidence(tokens.length);
    tokens.forEach((token, i) => {
      if (token !== maskIndex) confidence.reveal(i, -conf[b][i]);
    });
    const total = confidence.total();
    return tokens.map((token, i) => {
      const noise = Array.from({ length: V }, () => generator.double());
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
        { event: () => 0, token: (_sample, _step, _position, id) => 1 - noise[id] },
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

function strategyOf({
  sampler,
  eta = NaN,
  tOn = NaN,
  tOff = NaN,
  alphaOn = NaN,
}: StepCase): Strategy {
  switch (sampler) {
    case "mdlm":
    case "forward-backward":
    case "dfm":
    case "remdm-conf":
      return { kind: sampler };
    case "remdm-cap":
    case "remdm-rescale":
      return { kind: sampler, eta };
    case "remdm-loop":
      return { kind: sampler, eta, tOn, tOff, alphaOn };
    default:
      throw new Error(`no strategy is called ${sampler}`);
  }
}

function float32(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return new Float32Array(bytes.buffer);
}

function title({ sampler, predictor, nucleusP, t, steps, seed }: StepCase): string {
  return `${sampler} (${predictor}), p = ${nucleusP}, t = ${t}, ${steps} steps, seed ${seed}`;
}
