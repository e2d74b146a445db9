/** The pure sampler, usable on its own with any `Denoiser`: `import { sample } from "remdm/sampler"`. */
import "../foundation/ambient.ts";
export * from "./denoiser.ts";
export * from "../foundation/errors.ts";
export * from "./events.ts";
export { PhiloxNoise, type NoiseSource } from "./draw/noise.ts";
export { resolveOptions, type ResolvedOptions } from "./options.ts";
export { compilePlan, type Plan } from "./plan.ts";
export { sample, sampleEvents } from "./run.ts";
export * from "./strategy.ts";
export type { StrategySettings } from "./strategyName.ts";
