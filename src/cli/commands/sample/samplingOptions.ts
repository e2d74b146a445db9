/** From the flags of `remdm sample` to the library's options, defaults of the model's kind included. */
import { anyModel } from "../../../program/anyModel.ts";
import { modelFacts } from "../../../checkpoints/facts.ts";
import type { ModelKind } from "../../../sampler/denoiser.ts";
import { DEFAULT_STRATEGIES, hasNucleus } from "../../../sampler/method.ts";
import { resolveOptions } from "../../../sampler/options.ts";
import type { Strategy } from "../../../sampler/strategy.ts";
import type { SampleOptions } from "../../../program/remdm.ts";
import type { SampleFlags } from "./flags.ts";
import { strategyOf } from "./strategyOptions.ts";
import { UsageError } from "../../usage.ts";

export type SamplingOptions = Omit<SampleOptions, "signal" | "strategy"> & {
  readonly strategy?: Strategy;
};

export const DEFAULT_STEPS = 128;
export const DEFAULT_TOP_P = 0.9;

/** What an mdlm model runs with where nobody says it; the other kinds know one sampler each. */
const DEFAULT_MDLM_STRATEGY = "remdm-loop";

/**
 * All that can be said before a model is loaded: what is right for no model, or not for this one, is refused.
 * @throws UsageError, OptionError.
 */
export function checkFlags(flags: SampleFlags): void {
  const model = anyModel(flags.strategy, modelFacts(flags.checkpoint));
  resolveOptions(samplerOptions(flags, model.kind), model); // without the prompt, which needs a tokenizer
}

/** @throws UsageError. */
export function samplingOptions(flags: SampleFlags, kind: ModelKind): SamplingOptions {
  const { prompt, specialTokens = true } = flags;
  return {
    ...samplerOptions(flags, kind),
    ...(prompt !== undefined && { prompt }),
    ...(!specialTokens && { specialTokens }),
  };
}

function samplerOptions(flags: SampleFlags, kind: ModelKind): SamplingOptions {
  const { samples, batchSize, length, seed, executor, compat } = flags;
  const { stride, strides, until } = flags;
  const strategy = strategyOf(strategyName(flags, kind), flags);
  const steps = flags.steps ?? (strategy.kind === "ar" ? undefined : DEFAULT_STEPS);
  return {
    strategy,
    topP: flags.topP ?? (hasNucleus(strategy, compat ?? "remdm") ? DEFAULT_TOP_P : 1),
    samples,
    seed,
    ...(steps !== undefined && { steps }),
    ...(batchSize !== undefined && { batchSize }),
    ...(length !== undefined && { length }),
    ...(executor !== undefined && { executor }),
    ...(compat !== undefined && { compat }),
    ...(stride !== undefined && { stride }),
    ...(strides !== undefined && { strides }),
    ...(until !== undefined && { until }),
  };
}

/** `--predictor ddpm` and `analytic` are samplers of their own, which look at no strategy. */
function strategyName({ strategy, predictor }: SampleFlags, kind: ModelKind): string {
  if (predictor === undefined || predictor === "ddpm_cache") {
    return strategy ?? (kind === "mdlm" ? DEFAULT_MDLM_STRATEGY : DEFAULT_STRATEGIES[kind].kind);
  }
  if (strategy === undefined || strategy === "mdlm" || strategy === predictor) return predictor;
  throw new UsageError(
    `--predictor ${predictor} does not go with --strategy ${strategy}`,
    "Leave one of them out: strategies are those of the predictor ddpm_cache.",
  );
}
