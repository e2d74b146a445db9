/** The recorded one-step cases of the original (`steps.json.gz`), and how they name what we name. */
import type { Strategy } from "../../../src/sampler/index.ts";

export interface StepCase {
  readonly parameterization: "subs" | "sedd";
  readonly dtype: "float32" | "bfloat16";
  readonly predictor: "ddpm" | "ddpm_cache" | "analytic" | "denoise";
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

export interface StepCases {
  readonly V: number;
  readonly L: number;
  readonly maskIndex: number;
  readonly uniforms: {
    readonly seed: number;
    readonly float64: number[];
    readonly float32: number[];
    readonly gumbel32: number[];
    readonly seed12345_last4_of_2000: number[];
  };
  readonly cases: StepCase[];
}

export function strategyOf({
  predictor,
  sampler,
  eta = NaN,
  tOn = NaN,
  tOff = NaN,
  alphaOn = NaN,
}: Pick<StepCase, "predictor" | "sampler" | "eta" | "tOn" | "tOff" | "alphaOn">): Strategy {
  if (predictor === "ddpm") return { kind: "ddpm" };
  if (predictor === "analytic" || predictor === "denoise") return { kind: "analytic" };
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

/** Recorded logits as float32 numbers; a bfloat16 is the upper half of one. */
export function logitsOf({ logits, dtype }: Pick<StepCase, "logits" | "dtype">): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(logits, "base64"));
  if (dtype === "float32") return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

export function titleOf(step: StepCase): string {
  const { parameterization, dtype, sampler, predictor, nucleusP, t, steps, seed } = step;
  return `${parameterization} ${dtype}: ${sampler} (${predictor}), p = ${nucleusP}, t = ${t}, ${steps} steps, seed ${seed}`;
}
