/** Which way a run goes: what the model, the strategy and the executor that was asked for make of each other. */
import { checkInteger } from "../foundation/checks.ts";
import type { DenoiserModel, ModelKind } from "./denoiser.ts";
import { denseGrid, type DenseGrid } from "./loops/parity/grid.ts";
import { denseSampler, type DenseSampler } from "./loops/parity/sampler.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import { compilePlan, MAX_STEPS, type Plan } from "./plan.ts";
import { linearTimes } from "./schedule.ts";
import type { Compat, Strategy } from "./strategy.ts";
import { strategyNamed, type Speaker } from "./strategyName.ts";
import { checkStrategy } from "./strategies/rule.ts";

/** The way of a run, with what only that way needs. */
export type Method =
  /** Changes are drawn first, then the network is asked about them (`eventRun.ts`). */
  | { readonly kind: "events"; readonly plan: Plan }
  /** The chance to reveal depends on the network: `sedd` (`scoreRun.ts`). [T + 1] falling times. */
  | { readonly kind: "scores"; readonly times: Float64Array }
  /** Left to right (`autoregressive.ts`). */
  | { readonly kind: "autoregressive"; readonly dense: boolean }
  /** The original's arithmetic (`dense/run.ts`). */
  | { readonly kind: "dense"; readonly sampler: DenseSampler; readonly grid: DenseGrid };

const STRATEGIES: Readonly<Record<ModelKind, readonly Strategy["kind"][]>> = {
  mdlm: [
    "mdlm",
    "ddpm",
    "analytic",
    "forward-backward",
    "dfm",
    "remdm-cap",
    "remdm-rescale",
    "remdm-conf",
    "remdm-loop",
    "remdm",
  ],
  sedd: ["analytic"],
  d3pm: ["ddpm"],
  ar: ["ar"],
};

export const DEFAULT_STRATEGIES: Readonly<Record<ModelKind, Strategy>> = {
  mdlm: { kind: "mdlm" },
  sedd: { kind: "analytic" },
  d3pm: { kind: "ddpm" },
  ar: { kind: "ar" },
};

/** What has a say in the method, checked but for `steps`. */
export interface MethodOptions {
  readonly strategy: Strategy;
  readonly steps: unknown;
  readonly dense: boolean;
  readonly compat: Compat;
  readonly length: number;
  /** Tokens that a window moves on by; 0: there is one window. */
  readonly stride: number;
}

/**
 * @returns the method and its number of steps: for dfm that of its own grid, for ar the tokens that are drawn.
 * @throws OptionError that says what does not go together with what.
 */
export function methodOf(
  { strategy, steps, dense, compat, length, stride }: MethodOptions,
  model: DenoiserModel,
): { readonly method: Method; readonly steps: number } {
  const semiAutoregressive = stride > 0;
  if (semiAutoregressive) checkWindows(strategy.kind, stride);
  if (strategy.kind === "ar") {
    checkBos(model);
    if (steps !== undefined) {
      throw new OptionError("steps", steps, "undefined (ar takes one step a token)");
    }
    return { method: { kind: "autoregressive", dense }, steps: drawnTokens(length, compat) };
  }
  const count = checkInteger("steps", steps === undefined ? length : steps, 1, MAX_STEPS);
  if (dense) {
    const sampler = denseSampler(strategy);
    const grid = denseGrid(strategy.kind, count, semiAutoregressive);
    return { method: { kind: "dense", sampler, grid }, steps: grid.steps.length };
  }
  if (model.kind === "sedd") {
    return { method: { kind: "scores", times: linearTimes(count) }, steps: count };
  }
  // A window's last time is 0, not 1e-5: nothing is left for the final noise removal there.
  const grid = semiAutoregressive ? { end: 0 } : {};
  const plan = compilePlan(strategy, count, { ...grid, compat });
  return { method: { kind: "events", plan }, steps: plan.steps };
}

/** @throws OptionError for a strategy that is not valid or not one of the model's kind. */
export function readStrategy(strategy: unknown, { kind = "mdlm" }: DenoiserModel): Strategy {
  const known = STRATEGIES[kind];
  if (strategy === undefined) return DEFAULT_STRATEGIES[kind];
  const isName = typeof strategy === "string";
  const given = isName ? strategyNamed(strategy, {}, speakerOf(strategy)) : checkStrategy(strategy);
  if (known.includes(given.kind)) return given;
  const names = known.map((one) => (one === "remdm" ? COMBINED : one));
  const allowed = names.length === 1 ? names[0] : `one of ${names.join(", ")}`;
  const option = isName ? "strategy" : "strategy.kind";
  throw new OptionError(option, given.kind, `${allowed} for a model of kind ${kind}`);
}

/** How a strategy of the paper's family is said: as a kind, and by name. */
const COMBINED = "remdm (by name: remdm-max, remdm-cap+loop, ...)";

/** To a program that gave a strategy by its name. */
function speakerOf(name: string): Speaker {
  return {
    nameOf: (setting) => setting,
    refusal: (message, remedy) => new OptionError("strategy", name, { message, remedy }),
  };
}

/** @returns whether to compute as the original does. */
export function readExecutor(executor: unknown, { kind = "mdlm" }: DenoiserModel): boolean {
  // Whether a d3pm row reveals depends on the whole row, and its last step changes revealed tokens.
  const allowed = kind === "d3pm" ? ["dense"] : ["events", "dense"];
  const chosen = executor === undefined ? allowed[0] : executor;
  if (typeof chosen === "string" && allowed.includes(chosen)) return chosen === "dense";
  const phrase = `${allowed.map((name) => JSON.stringify(name)).join(" or ")} for a model of kind ${kind}`;
  throw new OptionError("executor", executor, phrase);
}

/** The original's predictors `ddpm` and `analytic` ignore its `nucleus_p`. */
export function hasNucleus({ kind }: Strategy, compat: Compat): boolean {
  return compat === "paper" || (kind !== "ddpm" && kind !== "analytic");
}

/** The first token is the begin-of-text one. The original forces the last to be it too, which its papers do not say. */
function drawnTokens(length: number, compat: Compat): number {
  return length - (compat === "remdm" ? 2 : 1);
}

/** The original's long generation is that of `_ddpm_caching_update`. */
function checkWindows(kind: Strategy["kind"], stride: number): void {
  if (kind !== "dfm" && kind !== "ddpm" && kind !== "analytic" && kind !== "ar") return;
  throw new OptionError("stride", stride, `undefined with the strategy ${kind}`);
}

function checkBos({ bosId, vocabSize }: DenoiserModel): void {
  if (bosId !== undefined && Number.isSafeInteger(bosId) && bosId >= 0 && bosId < vocabSize) return;
  throw new RemdmError(
    `An ar model needs a token to begin with; its bosId is ${String(bosId)} of ${vocabSize}`,
    {
      code: "denoiser_invalid",
      remedy: "Set the model's bosId, or use a tokenizer that has a begin-of-text token.",
    },
  );
}
