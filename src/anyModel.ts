/** What can be checked of sampling options before a model is loaded: what is right for no model. */
import type { DenoiserModel, ModelKind } from "./sampler/denoiser.ts";

/** A model that bounds nothing, of the kind that a strategy is for. @param strategy its name. */
export function anyModel(
  strategy: string | undefined,
): DenoiserModel & { readonly kind: ModelKind } {
  return {
    kind: strategy === "ar" ? "ar" : "mdlm",
    vocabSize: 2,
    maskId: 1,
    bosId: 0,
    eosId: 0,
    length: Number.MAX_SAFE_INTEGER,
    timeConditioning: false,
  };
}
