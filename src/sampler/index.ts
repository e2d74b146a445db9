/**
 * The pure sampler works on its own with any `Denoiser`: `import { sample } from "remdm/sampler"`.
 */
import "../foundation/ambient.ts";
export * from "../foundation/errors.ts";
export {
  defineStrategy,
  type DefinedStrategy,
  type EventStrategy,
  type Moment,
  type NextEvent,
  type Row,
  type RowState,
  type RowStep,
  type RowStrategy,
  type Selection,
  type Step,
  type StrategyData,
  type StrategyMaker,
  type TimeStrategy,
  type Told,
  type Transition,
} from "./definition.ts";
export * from "./denoiser.ts";
export { PhiloxNoise, type NoiseSource } from "./draw/noise.ts";
export { RowPool, type RowPoolOptions } from "./draw/workers/rowPool.ts";
export * from "./events.ts";
export type { GuidedText, GuideOptions, ResamplingScheme, Reward } from "./guide.ts";
export { TorchGenerator } from "./loops/parity/torchGenerator.ts";
export type {
  ChoiceOption,
  FlagOption,
  GivenOptions,
  IntegersOption,
  NumberOption,
  OptionTable,
  OptionValues,
  StrategyOption,
  VariantOption,
} from "./optionTable.ts";
export { compilePlan, type Plan } from "./plan.ts";
export { prepare, type PreparedRun } from "./prepare.ts";
export type { RowField } from "./rowFields.ts";
export type { Quirks } from "./quirks.ts";
export { sample, sampleEvents } from "./run.ts";
export { linearTimes, plateauTimes, type PlateauSteps } from "./schedule.ts";
export type { StartOptions } from "./start.ts";
export type { StrategySettings } from "./strategies/notation.ts";
export { posterior } from "./strategies/posterior.ts";
export type { AnyStrategy, Strategy, StrategyName } from "./strategy.ts";
