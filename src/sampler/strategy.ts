/**
 * What a caller may ask for: the strategies of the original repository under their own names, and the
 * paper's whole family as one composable record. See docs/design.md, section 2, for the formulas.
 */

/** Ancestral sampling of MDLM: nothing is ever remasked. Original: `sampler: mdlm`. */
export interface MdlmStrategy {
  readonly kind: "mdlm";
}

/**
 * The same distribution as `mdlm`, computed as the original's predictor `ddpm` does, with no cache; it knows no
 * nucleus there. The one sampler of `d3pm` models.
 */
export interface DdpmStrategy {
  readonly kind: "ddpm";
}

/**
 * Tweedie tau-leaping on scores, its last step draws in the place of an argmax (SEDD, Lou et al., 2024). The one sampler
 * of `sedd` models; `mdlm` models have scores too. Original: `predictor: analytic`.
 */
export interface AnalyticStrategy {
  readonly kind: "analytic";
}

/** From left to right, one token a step. The one sampler of `ar` models. Original: `_ar_sampler`. */
export interface AutoregressiveStrategy {
  readonly kind: "ar";
}

/** Forward-backward corrector (Campbell et al., 2022). Original: `sampler: forward-backward`. */
export interface ForwardBackwardStrategy {
  readonly kind: "forward-backward";
}

/** Discrete-flow-matching corrector (Gat et al., 2024) on its own time grid. Original: `dfm: true`. */
export interface DfmStrategy {
  readonly kind: "dfm";
}

/** sigma = min(eta, sigmaMax). Original: `sampler: remdm-cap`. */
export interface RemdmCapStrategy {
  readonly kind: "remdm-cap";
  /** Largest chance of a remask in one step, in [0, 1]. Default 0.008. */
  readonly eta?: number;
}

/** sigma = eta * sigmaMax. Original: `sampler: remdm-rescale`. */
export interface RemdmRescaleStrategy {
  readonly kind: "remdm-rescale";
  /** Share of the largest allowed chance of a remask, in [0, 1]. Default 0.015. */
  readonly eta?: number;
}

/** sigma_i = softmax(-psi)_i * sigmaMax. Original: `sampler: remdm-conf`. */
export interface RemdmConfStrategy {
  readonly kind: "remdm-conf";
}

/** MDLM, then a plateau of constant alpha on which tokens are corrected, then MDLM. Original: `sampler: remdm-loop`. */
export interface RemdmLoopStrategy {
  readonly kind: "remdm-loop";
  /** Chance of a remask in one step of the plateau, in [0, 1] and at most (1 - alphaOn) / alphaOn. Default 0.02. */
  readonly eta?: number;
  /** Time at which the plateau begins, in (tOff, 1). Default 0.55. */
  readonly tOn?: number;
  /** Time at which the plateau ends, in (0, tOn). Default 0.05. */
  readonly tOff?: number;
  /** Share of revealed positions on the plateau, in (0, 1). Default 0.9. */
  readonly alphaOn?: number;
}

/** sigma = 0 while t > tSwitch (paper section 4.2, "switch"). */
export interface SwitchWindow {
  readonly kind: "switch";
  /** In (0, 1]. Default 0.55. */
  readonly tSwitch?: number;
}

/** A plateau of constant alpha between tOn and tOff (paper section 4.2, "loop"). */
export interface LoopWindow {
  readonly kind: "loop";
  /** Where the plateau begins, in (tOff, 1). Default 0.55. */
  readonly tOn?: number;
  /** Where it ends, in (0, tOn). Default 0.05. */
  readonly tOff?: number;
  /** alpha on it, in (0, 1). Default 0.9. */
  readonly alphaOn?: number;
}

/**
 * The paper's family, section 4: sigma = rescale * min(cap, sigmaMax), times softmax(-psi)_i when
 * `confidence`, inside `window`. With nothing set it is the paper's ReMDM-max.
 */
export interface RemdmStrategy {
  readonly kind: "remdm";
  /** eta_cap in [0, 1]; absent: no cap. */
  readonly cap?: number;
  /** eta_rescale in [0, 1]; absent: 1. */
  readonly rescale?: number;
  /** Whether low-confidence tokens are remasked first. Default false. */
  readonly confidence?: boolean;
  /** When remasking acts; absent: always. */
  readonly window?: SwitchWindow | LoopWindow;
}

export type Strategy =
  | MdlmStrategy
  | DdpmStrategy
  | AnalyticStrategy
  | AutoregressiveStrategy
  | ForwardBackwardStrategy
  | DfmStrategy
  | RemdmCapStrategy
  | RemdmRescaleStrategy
  | RemdmConfStrategy
  | RemdmLoopStrategy
  | RemdmStrategy;

/**
 * A strategy by its name, with the defaults of its options: one of the kinds above, `fb` for `forward-backward`, or the paper's
 * family with plus signs, `remdm-cap+conf+loop`; after `remdm-` come max, cap, rescale and conf, then switch or loop.
 */
export type StrategyName =
  Exclude<Strategy["kind"], "remdm"> | "fb" | "remdm-max" | (string & Record<never, never>);

/** Whom to follow where the original's code and the papers differ: docs/fidelity.md has the list. */
export type Compat = "remdm" | "paper";
