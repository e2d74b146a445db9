/** What can be checked of sampling options before a model is loaded: what is right for no model. */
import type { ModelFacts } from "../checkpoints/facts.ts";
import type { DenoiserModel, ModelKind } from "../sampler/denoiser.ts";

/**
 * A model that bounds nothing but what is known of it, of the kind that a strategy is for where that is not known.
 * @param strategy its name.
 */
export function anyModel(
  strategy: string | undefined,
  { kind = strategy === "ar" ? "ar" : "mdlm", length = Number.MAX_SAFE_INTEGER }: ModelFacts = {},
): DenoiserModel & { readonly kind: ModelKind } {
  return {
    kind,
    vocabSize: 2,
    maskId: 1,
    bosId: 0,
    eosId: 0,
    length,
    timeConditioning: false,
  };
}
