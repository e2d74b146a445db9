/** What is compared: every sampler that the original has for a kind of model. */
import type { ModelKind, Strategy } from "remdm";

export interface ParityCase {
  readonly strategy: Strategy;
  /** Nucleus mass; 1 keeps every token. */
  readonly topP: number;
  /** Absent for `ar`, whose steps are its tokens. */
  readonly steps?: number;
}

/** The original's own options, by its own names: `sampling` in its configs/config.yaml. */
export interface OriginalOptions {
  readonly predictor: "ddpm" | "ddpm_cache" | "analytic";
  readonly sampler: string;
  readonly dfm: boolean;
  readonly steps: number;
  readonly nucleus_p: number;
  readonly eta: number;
  readonly t_on: number;
  readonly t_off: number;
  readonly alpha_on: number;
}

const NUCLEUS = 0.9;

/** The strategies that follow the predictor `ddpm_cache`, which has a nucleus. */
const CACHING: readonly Strategy[] = [
  { kind: "mdlm" },
  { kind: "forward-backward" },
  { kind: "remdm-cap", eta: 0.05 },
  { kind: "remdm-rescale", eta: 0.1 },
  { kind: "remdm-conf" },
  { kind: "remdm-loop", eta: 0.05, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
];

/**
 * Every pair of sampler and nucleus that the original can run on a checkpoint of this kind. Left out: the predictors
 * `ddpm` and `analytic` with a nucleus, which they ignore, and dfm without one, which raises.
 */
function samplersOf(kind: ModelKind): Omit<ParityCase, "steps">[] {
  switch (kind) {
    case "mdlm":
      return [
        { strategy: { kind: "ddpm" }, topP: 1 },
        { strategy: { kind: "analytic" }, topP: 1 },
        ...CACHING.flatMap((strategy) => [1, NUCLEUS].map((topP) => ({ strategy, topP }))),
        { strategy: { kind: "dfm" }, topP: NUCLEUS },
      ];
    case "sedd":
      return [{ strategy: { kind: "analytic" }, topP: 1 }];
    case "d3pm":
      return [{ strategy: { kind: "ddpm" }, topP: 1 }];
    case "ar":
      return [1, NUCLEUS].map((topP) => ({ strategy: { kind: "ar" }, topP }));
  }
}

/** All that `--only` may name. */
export const SAMPLER_NAMES: readonly string[] = [
  ...new Set(
    (["mdlm", "sedd", "d3pm", "ar"] as const)
      .flatMap(samplersOf)
      .map(({ strategy }) => strategy.kind),
  ),
];

/** @param only kinds of strategy; empty: all. */
export function casesOf(
  kind: ModelKind,
  steps: readonly number[],
  only: readonly string[],
): ParityCase[] {
  const samplers = samplersOf(kind).filter(
    ({ strategy }) => only.length === 0 || only.includes(strategy.kind),
  );
  if (kind === "ar") return samplers;
  return steps.flatMap((count) => samplers.map((sampler) => ({ ...sampler, steps: count })));
}

/** What the original must be told to run a case. */
export function originalOptions({ strategy, topP, steps = 1 }: ParityCase): OriginalOptions {
  const plain = {
    predictor: "ddpm_cache",
    sampler: "mdlm",
    dfm: false,
    steps,
    nucleus_p: topP,
    eta: 0,
    t_on: 0,
    t_off: 0,
    alpha_on: 0,
  } as const;
  switch (strategy.kind) {
    case "mdlm":
    case "ar":
      return plain;
    case "ddpm":
    case "analytic":
      return { ...plain, predictor: strategy.kind };
    case "dfm":
      return { ...plain, dfm: true };
    case "forward-backward":
    case "remdm-conf":
      return { ...plain, sampler: strategy.kind };
    case "remdm-cap":
    case "remdm-rescale":
      return { ...plain, sampler: strategy.kind, eta: given(strategy.eta) };
    case "remdm-loop":
      return {
        ...plain,
        sampler: strategy.kind,
        eta: given(strategy.eta),
        t_on: given(strategy.tOn),
        t_off: given(strategy.tOff),
        alpha_on: given(strategy.alphaOn),
      };
    default:
      throw new Error(`the original has no sampler ${strategy.kind}`);
  }
}

/** The original has no defaults for these. */
function given(parameter: number | undefined): number {
  if (parameter === undefined) throw new Error("a case names every parameter of its strategy");
  return parameter;
}
