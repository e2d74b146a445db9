/** Turns the flags of `remdm sample` into the library's options. */
import { modelFacts } from "../../../checkpoints/facts.ts";
import type { ModelKind } from "../../../sampler/denoiser.ts";
import { checkAdjustable } from "../../../sampler/adjustments.ts";
import { checkBeforeLoading } from "../../../sampler/prepare.ts";
import { DEFAULT_STRATEGIES } from "../../../sampler/strategies/builtIn.ts";
import type { DefinedStrategy } from "../../../sampler/definition.ts";
import type { GuideOptions } from "../../../sampler/guide.ts";
import type { Strategy } from "../../../sampler/strategy.ts";
import type { SampleOptions } from "../../../program/sampleOptions.ts";
import { idsAlone } from "../../../program/tokenNames.ts";
import type { SampleFlags } from "./flags.ts";
import { strategyOf } from "./strategyOptions.ts";
import { UsageError } from "../../usage.ts";

export type SamplingOptions = Omit<SampleOptions, "signal" | "strategy"> & {
  readonly strategy?: Strategy | DefinedStrategy;
};

/**
 * Checks what can be checked before a model is loaded.
 * @param own the strategy of a module that `--strategy` names.
 * @param guide what `--guide` and the flags beside it say.
 * @param prompted whether a text pins tokens that are not known yet.
 * @throws UsageError, OptionError.
 */
export function checkFlags(
  flags: SampleFlags,
  own?: DefinedStrategy,
  guide?: GuideOptions,
  prompted = flags.prompt !== undefined,
): void {
  const facts = modelFacts(flags.checkpoint);
  const kind = facts.kind ?? "mdlm";
  const { banned, suppressed, ...options } = samplerOptions(flags, kind, own, guide);
  // Without the prompt and the names of tokens, which need a tokenizer.
  const ids = idsAlone({ banned, suppressed });
  const { loop } = checkBeforeLoading({ ...options, ...ids }, { ...facts, prompted });
  checkAdjustable({ banned, suppressed }, loop);
}

/** @throws UsageError. */
export function samplingOptions(
  flags: SampleFlags,
  kind: ModelKind,
  own?: DefinedStrategy,
  guide?: GuideOptions,
): SamplingOptions {
  const { prompt, specialTokens = true } = flags;
  return {
    ...samplerOptions(flags, kind, own, guide),
    ...(prompt !== undefined && { prompt }),
    ...(!specialTokens && { specialTokens }),
  };
}

function samplerOptions(
  flags: SampleFlags,
  kind: ModelKind,
  own: DefinedStrategy | undefined,
  guide: GuideOptions | undefined,
): SamplingOptions {
  const { samples, steps, topP, temperature, topK, length, seed } = flags;
  const { batchSize, window } = flags;
  const { executor, quirks, stride, strides, blockLength, until, ban, suppress, guidance } = flags;
  return {
    strategy: own ?? strategyOf(strategyName(flags, kind), flags),
    samples,
    seed,
    ...(steps !== undefined && { steps }),
    ...(topP !== undefined && { topP }),
    ...(temperature !== undefined && { temperature }),
    ...(topK !== undefined && { topK }),
    ...(ban !== undefined && { banned: ban }),
    ...(suppress !== undefined && { suppressed: suppress }),
    ...(guidance !== undefined && { guidance }),
    ...(batchSize !== undefined && { batchSize }),
    ...(window !== undefined && { window }),
    ...(length !== undefined && { length }),
    ...(executor !== undefined && { executor }),
    ...(quirks !== undefined && { quirks }),
    ...(stride !== undefined && { stride }),
    ...(strides !== undefined && { strides }),
    ...(blockLength !== undefined && { blockLength }),
    ...(until !== undefined && { until }),
    ...(guide !== undefined && { guide }),
  };
}

/** `--predictor ddpm` and `analytic` are samplers of their own, which look at no strategy. */
function strategyName({ strategy, predictor }: SampleFlags, kind: ModelKind): string {
  if (predictor === undefined || predictor === "ddpm_cache") {
    return strategy ?? DEFAULT_STRATEGIES[kind].kind;
  }
  if (strategy === undefined || strategy === "mdlm" || strategy === predictor) return predictor;
  throw new UsageError(
    `--predictor ${predictor} does not go with --strategy ${strategy}`,
    "Leave one of them out: strategies are those of the predictor ddpm_cache.",
  );
}
