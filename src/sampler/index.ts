/** The pure sampler, usable on its own with any `Denoiser`: `import { sample } from "remdm/sampler"`. */
export * from "./denoiser.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./strategy.ts";
