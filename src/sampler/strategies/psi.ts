/**
 * The Psi-sampler (arXiv 2602.21185) draws a position from kappa * posterior + (1 - kappa) * the
 * forward marginal at s. For masked models this mixture is ReMDM's posterior with sigma =
 * (1 - kappa)(1 - alphaS). Published code: duo, `_psi_update`, `_get_kappas`.
 */
import { defineStrategy, type Step } from "../definition.ts";
import type { NumberOption, OptionTable, OptionValues, VariantOption } from "../optionTable.ts";
import { posterior } from "./posterior.ts";

const KAPPA = {
  type: "number",
  default: 0.99,
  range: "[0, 1]",
  help: "share of the posterior; the rest is the forward marginal, and 1 is mdlm",
} as const satisfies NumberOption;

/** The published code's modes except `constant-remdm-eta`, which computes what `capped` does. */
const MODES = {
  constant: { kappa: KAPPA },
  capped: {
    eta: {
      type: "number",
      default: 0.01,
      range: "[0, 1]",
      help: "largest chance of a remask in one step",
    },
  },
  rescaled: {
    eta: {
      type: "number",
      default: 0.05,
      range: "[0, 1]",
      help: "share of the largest allowed chance of a remask",
    },
  },
} as const;

/** Makes the option of one part of the run. */
function part<const Help extends string>(help: Help) {
  return { type: "variant", variants: MODES, help } as const satisfies VariantOption;
}

const OPTIONS = {
  kappa: KAPPA,
  tOn: {
    type: "number",
    default: 1,
    range: "(0, 1]",
    shown: "[tOff, 1]",
    narrow: ({ tOff }) => ({ range: `[${tOff}, 1]`, shown: `[tOff, 1], with tOff = ${tOff}` }),
    help: "time from which on kappa acts",
  },
  tOff: {
    type: "number",
    default: 0,
    range: "[0, 1]",
    shown: "[0, tOn]",
    help: "time until which kappa acts",
  },
  high: part("what acts before tOn; left out: the posterior alone"),
  middle: part("what acts from tOn to tOff; left out: kappa"),
  low: part("what acts after tOff; left out: the posterior alone"),
} as const satisfies OptionTable;

type Options = OptionValues<typeof OPTIONS>;
type Mode = NonNullable<Options["middle"]>;

const POSTERIOR: Mode = { kind: "constant", kappa: 1 };

export const psi = defineStrategy({
  kind: "psi",
  source: "Psi-samplers, arXiv 2602.21185; published code: duo, predictor psi",
  summary: "sigma = (1 - kappa)(1 - alphaS): mixes the posterior with the forward marginal",
  options: OPTIONS,
  transition: (options, step) => posterior(step, sigmaOf(modeAt(options, step), step)),
});

/** Finds what acts in a step: `middle` in a step that lies within [tOff, tOn]. */
function modeAt({ kappa, tOn, tOff, high, middle, low }: Options, { t, s }: Step): Mode {
  if (t > tOn) return high ?? POSTERIOR;
  if (s < tOff) return low ?? POSTERIOR;
  return middle ?? { kind: "constant", kappa };
}

/**
 * Returns the chance of a remask, at most the mixture's at kappa = 0. `quirks: "original"` scales
 * min(eta, sigmaMax) by eta in `rescaled`, as the published code does; `"paper"` scales sigmaMax,
 * as ReMDM does.
 */
function sigmaOf(mode: Mode, { s, sigmaMax, quirks }: Step): number {
  switch (mode.kind) {
    case "constant":
      return (1 - mode.kappa) * s;
    case "capped":
      return Math.min(mode.eta, s);
    case "rescaled": {
      const cap = quirks === "original" ? mode.eta : 1;
      return Math.min(mode.eta * Math.min(cap, sigmaMax), s);
    }
  }
}
